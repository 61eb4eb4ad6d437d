#include "results/store/journal.hpp"

#include <sys/vfs.h>

#include <algorithm>

namespace thaw {
namespace {

/// From statfs(2), linux/magic.h and the file systems' own sources.
constexpr struct {
    unsigned long type;
    const char* name;
} kNetwork[] = {
    {0x6969, "NFS"},         {0xfe534d42, "SMB2"},     {0xff534d42, "CIFS"},   {0x517b, "SMB"},
    {0x0bd00bd0, "Lustre"},  {0x47504653, "GPFS"},     {0x19830326, "BeeGFS"}, {0x00c36400, "Ceph"},
    {0x65735546, "FUSE"},    {0x01021997, "9p"},       {0x01161970, "GFS2"},   {0x7461636f, "OCFS2"},
    {0x5346414f, "OpenAFS"}, {0x6b414653, "AFS"},      {0x73757245, "Coda"},   {0x564c, "NCP"},
    {0xaad7aaea, "PanFS"},   {0x20030528, "OrangeFS"}, {0x786f4256, "vboxsf"},
};

}  // namespace

Journal journal_for(unsigned long file_system_type) {
    const bool network = std::any_of(std::begin(kNetwork), std::end(kNetwork),
                                     [&](const auto& known) { return known.type == file_system_type; });
    return network ? Journal::rollback : Journal::write_ahead;
}

Journal journal_at(const std::filesystem::path& file) {
    struct statfs found {};
    const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
    if (::statfs(folder.c_str(), &found) != 0) return Journal::write_ahead;
    return journal_for(static_cast<unsigned long>(found.f_type) & 0xffffffffUL);
}

}  // namespace thaw
