// The pages of docs/, which `thaw help` prints.
#pragma once

namespace thaw {

extern const char* const kDocGettingStarted;
extern const char* const kDocInstall;
extern const char* const kDocSweepFiles;
extern const char* const kDocSweepReference;
extern const char* const kDocSearching;
extern const char* const kDocData;
extern const char* const kDocWeights;
extern const char* const kDocFineTuningAdvice;
extern const char* const kDocResultsAndReport;
extern const char* const kDocStatistics;
extern const char* const kDocExportingAndServing;
extern const char* const kDocClusters;
extern const char* const kDocReproducibility;
extern const char* const kDocBenchmarks;
extern const char* const kDocTroubleshooting;
extern const char* const kDocForDevelopers;

}  // namespace thaw
