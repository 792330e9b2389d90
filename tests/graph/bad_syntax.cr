# RUN: not %crisol opt %s 2>&1 | FileCheck %s
# CHECK: bad_syntax.cr:6:22: expected ')', not 'x'

graph "bad" {
  %1 = iota axis(0) : i32[4]
  %2 = sum %1 axes(0 x) : i32[1]
}
