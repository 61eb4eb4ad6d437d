// Text files of this room that the build puts into the program (see common/embed_text.cmake).
#pragma once

namespace thaw {

extern const char* const kUnicodeDecompositions;
extern const char* const kUnicodeCombining;

}  // namespace thaw
