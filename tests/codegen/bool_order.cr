# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s
# False is below true, but in the lanes of a vector true is -1.

graph "bools" {
  # CHECK: int16 [[V:v[0-9]+]] = (-[[X:v[0-9]+]]) < (-[[Y:v[0-9]+]]);
  %1 = input "x" : bool[16]
  %2 = input "y" : bool[16]
  %3 = lt %1, %2 : bool[16]
  output "z", %3
}
