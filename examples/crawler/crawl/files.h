// Where a crawl keeps what, below its directory.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace crawler::files {

inline std::string config(const std::string& directory) { return directory + "/crawl.json"; }
inline std::string parts(const std::string& directory) { return directory + "/parts"; }
inline std::string warc(const std::string& directory) { return directory + "/warc"; }
inline std::string robots(const std::string& directory) { return directory + "/robots"; }
inline std::string pages(const std::string& directory) { return directory + "/pages.jsonl"; }
inline std::string links(const std::string& directory) { return directory + "/links.jsonl"; }
inline std::string report(const std::string& directory) { return directory + "/report.html"; }

// "pages" or "links": what the workers wrote so far, one file per process.
std::vector<std::string> parts_of(const std::string& directory, std::string_view kind);
// Written to a file beside, then renamed: whoever looks sees the old one or the new one. Throws
// std::runtime_error.
void write_whole(const std::string& path, std::string_view content);
std::string read_whole(const std::string& path);  // empty: there is none

}  // namespace crawler::files
