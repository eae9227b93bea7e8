// The workloads with other tables than documents: narrow, wide, and many.
#pragma once

#include "bench/workload.h"

namespace tributary::test {

Workloads table_workloads();

}  // namespace tributary::test
