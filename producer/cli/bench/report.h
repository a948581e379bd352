// What the scenarios measured: rows of one table, and what of it has a target. Printed for people or as one
// JSON document.
#pragma once

#include <string>
#include <vector>

#include "producer/cli/bench/machine.h"
#include "producer/cli/output.h"

namespace joinery::cli::bench {

class Report {
 public:
  // A row, to be filled: the keys are those of `columns` in report.cpp. Valid until the next one.
  Json& row(const std::string& scenario, const std::string& variant = {});
  // Whether what follows is as large as the targets mean it. If not, nothing is said of met or missed.
  void judge(bool large_enough) { judged_ = large_enough; }
  // How something measured stands to its target.
  void at_most(const std::string& what, double measured, double target, const std::string& unit);
  void at_least(const std::string& what, double measured, double target, const std::string& unit);
  void machine(const Machine& machine);

  void print(Output& out) const;

 private:
  void reach(const std::string& what, double measured, double target, const std::string& unit, bool met,
             const char* bound);
  Table table() const;
  Table reach_table() const;

  bool judged_ = true;
  Json rows_ = Json::array();
  Json reach_ = Json::array();
  Json machine_;
};

}  // namespace joinery::cli::bench
