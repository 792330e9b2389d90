# RUN: not %crisol opt %s 2>&1 | FileCheck %s
# CHECK: bad_use.cr:6:16: %3 is not defined; a value is defined above the lines that use it

graph "bad" {
  %1 = input "x" : f32
  %2 = add %1, %3 : f32
  %3 = neg %1 : f32
}
