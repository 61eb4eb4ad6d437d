// What `thaw help` prints.
#include "cli/help.hpp"

#include <gmock/gmock.h>

#include "common/util/error.hpp"

namespace thaw {
namespace {

using testing::HasSubstr;

TEST(Help, ListsItsTopics) {
    EXPECT_THAT(help_text(""), testing::AllOf(HasSubstr("getting-started"), HasSubstr("schema")));
}

TEST(Help, FindsAPageByItsNameAndByAWordOfIt) {
    EXPECT_THAT(help_text("clusters"), testing::StartsWith("# Clusters"));
    EXPECT_EQ(help_text("cluster"), help_text("clusters"));
    EXPECT_THAT(help_text("sweep"), testing::StartsWith("# Sweep files"));
    EXPECT_EQ(help_text("report"), help_text("results-and-report"));
    EXPECT_FALSE(is_help_topic("run"));  // a command's
}

TEST(Help, OfSomethingElseNamesTheNearest) {
    try {
        help_text("clutsers");
        FAIL();
    } catch (const UserError& error) {
        EXPECT_THAT(error.what(), HasSubstr("did you mean 'clusters'"));
    }
}

}  // namespace
}  // namespace thaw
