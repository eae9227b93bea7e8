// What the workloads make their texts of: the same words and phrases in every run, in the district's database.
#pragma once

#include "support/sql.h"

namespace tributary::test {

// Makes table `phrase(n, text)`, 20,000 phrases of nine words. No phrase is long enough to make one row like another.
void make_vocabulary(Sql& district);

// Makes table `long_text(n, text)` unless it is there: `count` texts of about `bytes` bytes.
void make_long_texts(Sql& district, int count, int bytes);

}  // namespace tributary::test
