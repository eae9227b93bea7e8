// The text that a child sends of a value, made of what the parent has of it: types and modifiers may differ where the
// values do not (1.00 and 1.0000). Pure.
#pragma once

#include <string>

#include "apply/target.h"

namespace tributary {

// How many digits behind the point a numeric of this modifier has.
int numeric_scale(int32_t modifier);

// An expression over `value`, a column of the parent. A value that the child's type could not hold stays as it is.
std::string sent_text(const std::string& value, const Column& child, const TargetColumn& here);

}  // namespace tributary
