# RUN: %crisol opt %s --emit=reasons --target=cpu | FileCheck %s
# What is read twice is written once, and what is stored anyway is not saved its write.

graph "saved" {
  %1 = input "x" : f32[100]
  %2 = exp %1 : f32[100]
  # CHECK: %2 exp -> %3 neg: {{.*}}; saves 800 B
  %3 = neg %2 : f32[100]
  # CHECK: %2 exp -> %4 mul: {{.*}}; saves 400 B
  # CHECK: %3 neg -> %4 mul: {{.*}}; saves 400 B
  %4 = mul %2, %3 : f32[100]
  output "y", %4
  output "z", %3
  # CHECK: 1600 B saved
}
