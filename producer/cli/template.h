// The arguments of one of map's jobs: a template of words in which {} stands for the item.
#pragma once

#include "producer/cli/submission.h"

namespace joinery::cli {

class Template {
 public:
  Template(const SubmissionFlags& flags, std::vector<std::string> words);

  // The payload for an item, which is text or (of a JSON line) any value. A word that is {} becomes the item;
  // {} within a word its text. Without any {}, the item is appended; an array then as its elements.
  Buffer payload(const Json& item) const;

 private:
  Json expand(const Json& item) const;

  const SubmissionFlags& flags_;
  std::vector<std::string> words_;
  bool has_place_ = false;
};

}  // namespace joinery::cli
