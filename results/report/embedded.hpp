// Text files of this room that the build puts into the program (see common/embed_text.cmake).
#pragma once

namespace thaw {

extern const char* const kReportCss;
extern const char* const kFiguresCss;
extern const char* const kReportJs;

}  // namespace thaw
