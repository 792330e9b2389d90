# RUN: %crisol opt %s --emit=cl --target=cpu > %t.cpu.cl
# RUN: FileCheck %s --input-file=%t.cpu.cl
# RUN: clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only -Wall -Wextra -Werror %t.cpu.cl
# RUN: %crisol opt %s --emit=cl --target=gpu --variant=naive > %t.gpu.cl
# RUN: FileCheck %s --input-file=%t.gpu.cl --check-prefix=CLEAN
# RUN: clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only -Wall -Wextra -Werror %t.gpu.cl
# RUN: grep -v '^ *//\|^ *#' %s | sed 's/^graph.*{$/graph "" {/' | %crisol opt - --emit=cl | diff - %t.cpu.cl
# Names in the text are those of ops: what the user calls a graph, inputs, states or ops ends no comment
# and means nothing to the compiler.

graph "x*/ #include <stdio.h>" {
  # CHECK: static void p0_add_mul(global uchar *in0,
  # CHECK: input_1 =
  # CHECK: kernel {{.*}} void k0_add_mul(global uchar *in0,
  # CLEAN-NOT: {{#include|#error|__kernel|stdio|größe|mine|\?\?}}
  %1 = input "kernel" : f32[4]
  %2 = input "__kernel void f() {" : f32[4]
  %3 = state "*/ }\nint mine; //" : f32[4]
  %4 = add %1, %2 : f32[4] !1 "global \"mine\" */ #error" "a*/b.c":7
  %5 = input "größe 大" : f32[4]
  %6 = mul %4, %5 : f32[4] !2 "half\\" x.c:1
  output "/* ??/ %s%n", %6
  assign %3, %6
}
