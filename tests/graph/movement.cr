# RUN: %crisol opt --passes= --emit=graph %s | FileCheck %s
# Every op with attributes, and every way to start a state.

graph "movement" {
  %1 = input "x" : f32[2,3]
  %2 = input "i" : i32[4]
  # CHECK: permute %1 (1,0) : f32[3,2]
  %3 = permute %1 (1,0) : f32[3,2]
  # CHECK: slice %1 begin(0,2) : f32[2,1]
  %4 = slice %1 begin(0,2) : f32[2,1]
  # CHECK: pad %1 before(1,0) value -inf : f32[4,3]
  %5 = pad %1 before(1,0) value -inf : f32[4,3]
  # CHECK: concat %1, %4 axis(1) : f32[2,4]
  %6 = concat %1, %4 axis(1) : f32[2,4]
  # CHECK: gather %1, %2 : f32[4,3]
  %7 = gather %1, %2 : f32[4,3]
  # CHECK: cast %1 : u8[2,3]
  %8 = cast %1 : u8[2,3]
  # CHECK: iota axis(0) : i32[7,2]
  %9 = iota axis(0) : i32[7,2]
  %10 = const -3 : i32
  # CHECK: random %10, %10 stream(3) : f32[8]
  %11 = random %10, %10 stream(3) : f32[8]
  # CHECK: argmax %1 axes(0,1) : i32[1,1]
  %12 = argmax %1 axes(0,1) : i32[1,1]
  # CHECK: const 0x7fc00000 : f32
  %13 = const 0x7fc00000 : f32
  # CHECK: state "a" uniform(-1,1) : f32[2]
  %14 = state "a" uniform(-1,1) : f32[2]
  # CHECK: state "b" data(1,0.1,-0) : f32[3]
  %15 = state "b" data(1,0.1,-0.0) : f32[3]
  # CHECK: state "c" data(true,false) : bool[2]
  %16 = state "c" data "0100" : bool[2]
  # CHECK: window %1 axis(1) size(2) stride(1) dilation(1) : f32[2,2,2]
  %17 = window %1 axis(1) size(2) stride(1) dilation(1) : f32[2,2,2]
  # CHECK: flip %1 axes(0,1) : f32[2,3]
  %18 = flip %1 axes(0,1) : f32[2,3]
  %19 = input "image" : f32[2,5,6,4]
  %20 = state "kernel" param : f32[3,2,2,8]
  # CHECK: conv %19, %20 stride(1,2) dilation(2,1) before(1,0) after(0,3) groups(2) : f32[2,2,4,8]
  %21 = conv %19, %20 stride(1,2) dilation(2,1) before(1,0) after(0,3) groups(2) : f32[2,2,4,8]
  output "y", %7
  output "a \"quoted\"\tname", %11
}
