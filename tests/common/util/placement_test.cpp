// How ranks share a host's cores, and what thaw says where a launcher has put them badly.
#include "common/util/placement.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <numeric>

#include "tests/support/temporary_folder.hpp"

namespace thaw {
namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

std::vector<int> cores(int first, int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), first);
    return all;
}

std::vector<int> threads_of_all(const HostRanks& host) {
    std::vector<int> threads;
    for (std::size_t rank = 0; rank < host.cores.size(); ++rank) threads.push_back(threads_of(host, rank));
    return threads;
}

TEST(Placement, ARankAloneHasAllCores) {
    const HostRanks host{{cores(0, 16)}, 16};
    EXPECT_EQ(threads_of(host, 0), 16);
    EXPECT_EQ(placement_warning(host, "n1"), "");
}

TEST(Placement, RanksThatAreNotBoundShareTheCores) {
    const HostRanks host{{cores(0, 16), cores(0, 16), cores(0, 16)}, 16, true};
    EXPECT_THAT(threads_of_all(host), testing::ElementsAre(5, 5, 5));
    EXPECT_EQ(placement_warning(host, "n1"), "");
}

TEST(Placement, BoundRanksHaveTheirOwnCores) {
    const HostRanks host{{cores(0, 4), cores(4, 12)}, 16, true};
    EXPECT_THAT(threads_of_all(host), testing::ElementsAre(4, 8));  // none takes more than its share of the host
    EXPECT_EQ(placement_warning(host, "n1"), "");
    const HostRanks pairs{{cores(0, 8), cores(0, 8), cores(8, 8), cores(8, 8)}, 16, true};
    EXPECT_THAT(threads_of_all(pairs), testing::ElementsAre(4, 4, 4, 4));
    EXPECT_EQ(placement_warning(pairs, "n1"), "");
}

TEST(Placement, WarnsOfMpirunsDefaultThatBindsToOneCore) {
    const HostRanks host{{{0}, {1}}, 16, true};
    EXPECT_THAT(threads_of_all(host), testing::ElementsAre(1, 1));
    EXPECT_THAT(placement_warning(host, "n1"),
                AllOf(HasSubstr("n1: "), HasSubstr("bound to 1 core,"), HasSubstr("16 cores"), HasSubstr("2 ranks"),
                      HasSubstr("--bind-to none"), HasSubstr("--cpus-per-task=8")));
}

TEST(Placement, WarnsOfThreadsThatAreBoundToFewerCores) {
    const HostRanks host{{cores(0, 2), cores(2, 2)}, 6, true, 3};
    EXPECT_THAT(placement_warning(host, "n1"), HasSubstr("bound to 2 cores"));
}

TEST(Placement, TakesOneCoreForARankAsMeantWhereNoMoreAreThere) {
    EXPECT_EQ(placement_warning({{{0}, {1}}, 2, true}, "n1"), "");
    EXPECT_EQ(placement_warning({{{3}}, 1, true}, "n1"), "");           // Slurm has allocated one
    EXPECT_EQ(placement_warning({{{3}}, 16, false}, "n1"), "");         // taskset
    EXPECT_EQ(placement_warning({{{0}, {1}}, 16, true, 1}, "n1"), "");  // --threads 1
}

TEST(Placement, WarnsOfMoreRanksThanCores) {
    const HostRanks host{std::vector<std::vector<int>>(4, cores(0, 2)), 2, true};
    EXPECT_THAT(threads_of_all(host), testing::ElementsAre(1, 1, 1, 1));
    EXPECT_THAT(placement_warning(host, "n1"),
                AllOf(HasSubstr("4 ranks with 4 threads in all share 2 cores"), HasSubstr("--map-by ppr:2:node")));
}

TEST(Placement, WarnsOfMoreThreadsThanCores) {
    const HostRanks host{std::vector<std::vector<int>>(2, cores(0, 8)), 8, true, 8};
    EXPECT_THAT(placement_warning(host, "n1"),
                AllOf(HasSubstr("2 ranks with 16 threads in all share 8 cores"), HasSubstr("--threads 4 or less")));
}

TEST(Placement, KeepsWithinWhatACgroupOrSlurmAllows) {
    const HostRanks host{std::vector<std::vector<int>>(2, cores(0, 64)), 4, true};
    EXPECT_THAT(threads_of_all(host), testing::ElementsAre(2, 2));
    EXPECT_EQ(placement_warning(host, "n1"), "");
    EXPECT_THAT(placement_warning({{cores(0, 64)}, 4, false, 64}, "n1"), HasSubstr("--threads 4 or less"));
}

class Cgroup : public testing::Test {
  protected:
    void write(const std::string& path, const std::string& text) {
        fs::create_directories((folder_.path() / path).parent_path());
        std::ofstream(folder_.path() / path) << text;
    }
    double limit() const { return cgroup_cpu_limit(folder_.path()); }
    TemporaryFolder folder_;
};

TEST_F(Cgroup, HasNoLimitWhereNoneIsSet) {
    EXPECT_EQ(limit(), 0);
    write("proc/self/cgroup", "0::/user.slice\n");
    write("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
    EXPECT_EQ(limit(), 0);
}

TEST_F(Cgroup, TakesTheTightestOfVersionTwo) {
    write("proc/self/cgroup", "0::/slurm/job_7/step_0\n");
    write("sys/fs/cgroup/slurm/job_7/cpu.max", "250000 100000\n");
    write("sys/fs/cgroup/slurm/cpu.max", "800000 100000\n");
    write("sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "max 100000\n");
    EXPECT_EQ(limit(), 2.5);
}

TEST_F(Cgroup, TakesTheTopOfAContainersMountWhereThePathIsTheHosts) {
    write("proc/self/cgroup", "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n");
    write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n");
    write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    EXPECT_EQ(limit(), 3);
}

TEST_F(Cgroup, KnowsVersionOnesWordForNoLimit) {
    write("proc/self/cgroup", "3:cpu,cpuacct:/\n");
    write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    EXPECT_EQ(limit(), 0);
}

}  // namespace
}  // namespace thaw
