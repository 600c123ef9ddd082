// max-pool index [1, 5, 5, 4]
module @program {
  func.func public @main(%arg0: tensor<1x5x5x4xf32>) -> (tensor<1x3x3x4xui8>) {
    %0 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %1 = stablehlo.pad %arg0, %0, low = [0, 1, 1, 0], high = [0, 0, 0, 0], interior = [0, 0, 0, 0] : (tensor<1x5x5x4xf32>, tensor<f32>) -> tensor<1x6x6x4xf32>
    %2 = stablehlo.slice %1 [0:1, 0:5:2, 0:5:2, 0:4] : (tensor<1x6x6x4xf32>) -> tensor<1x3x3x4xf32>
    %3 = stablehlo.constant dense<0> : tensor<1x3x3x4xui8>
    %4 = stablehlo.slice %1 [0:1, 0:5:2, 1:6:2, 0:4] : (tensor<1x6x6x4xf32>) -> tensor<1x3x3x4xf32>
    %5 = stablehlo.compare GT, %4, %2 : (tensor<1x3x3x4xf32>, tensor<1x3x3x4xf32>) -> tensor<1x3x3x4xi1>
    %6 = stablehlo.iota dim = 0 : tensor<3xi32>
    %7 = stablehlo.constant dense<1> : tensor<3xi32>
    %8 = stablehlo.compare GE, %6, %7, SIGNED : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi1>
    %9 = stablehlo.broadcast_in_dim %8, dims = [1] : (tensor<3xi1>) -> tensor<1x3x3x4xi1>
    %10 = stablehlo.constant dense<0> : tensor<3xi32>
    %11 = stablehlo.compare LE, %6, %10, SIGNED : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi1>
    %12 = stablehlo.broadcast_in_dim %11, dims = [2] : (tensor<3xi1>) -> tensor<1x3x3x4xi1>
    %13 = stablehlo.and %9, %12 : tensor<1x3x3x4xi1>
    %14 = stablehlo.or %5, %13 : tensor<1x3x3x4xi1>
    %15 = stablehlo.select %14, %4, %2 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xf32>
    %16 = stablehlo.constant dense<1> : tensor<1x3x3x4xui8>
    %17 = stablehlo.select %14, %16, %3 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xui8>
    %18 = stablehlo.slice %1 [0:1, 1:6:2, 0:5:2, 0:4] : (tensor<1x6x6x4xf32>) -> tensor<1x3x3x4xf32>
    %19 = stablehlo.compare GT, %18, %15 : (tensor<1x3x3x4xf32>, tensor<1x3x3x4xf32>) -> tensor<1x3x3x4xi1>
    %20 = stablehlo.compare LE, %6, %10, SIGNED : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi1>
    %21 = stablehlo.broadcast_in_dim %20, dims = [1] : (tensor<3xi1>) -> tensor<1x3x3x4xi1>
    %22 = stablehlo.compare GE, %6, %7, SIGNED : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi1>
    %23 = stablehlo.broadcast_in_dim %22, dims = [2] : (tensor<3xi1>) -> tensor<1x3x3x4xi1>
    %24 = stablehlo.and %21, %23 : tensor<1x3x3x4xi1>
    %25 = stablehlo.or %19, %24 : tensor<1x3x3x4xi1>
    %26 = stablehlo.select %25, %18, %15 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xf32>
    %27 = stablehlo.constant dense<2> : tensor<1x3x3x4xui8>
    %28 = stablehlo.select %25, %27, %17 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xui8>
    %29 = stablehlo.slice %1 [0:1, 1:6:2, 1:6:2, 0:4] : (tensor<1x6x6x4xf32>) -> tensor<1x3x3x4xf32>
    %30 = stablehlo.compare GT, %29, %26 : (tensor<1x3x3x4xf32>, tensor<1x3x3x4xf32>) -> tensor<1x3x3x4xi1>
    %31 = stablehlo.compare LE, %6, %10, SIGNED : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi1>
    %32 = stablehlo.broadcast_in_dim %31, dims = [1] : (tensor<3xi1>) -> tensor<1x3x3x4xi1>
    %33 = stablehlo.compare LE, %6, %10, SIGNED : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi1>
    %34 = stablehlo.broadcast_in_dim %33, dims = [2] : (tensor<3xi1>) -> tensor<1x3x3x4xi1>
    %35 = stablehlo.and %32, %34 : tensor<1x3x3x4xi1>
    %36 = stablehlo.or %30, %35 : tensor<1x3x3x4xi1>
    %37 = stablehlo.select %36, %29, %26 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xf32>
    %38 = stablehlo.constant dense<3> : tensor<1x3x3x4xui8>
    %39 = stablehlo.select %36, %38, %28 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xui8>
    return %39 : tensor<1x3x3x4xui8>
  }
}

// max-pool select [1, 5, 5, 4] [1, 3, 3, 4]
module @program {
  func.func public @main(%arg0: tensor<1x5x5x4xf32>, %arg1: tensor<1x3x3x4xui8>) -> (tensor<1x3x3x4xf32>) {
    %0 = stablehlo.constant dense<0.0> : tensor<f32>
    %1 = stablehlo.pad %arg0, %0, low = [0, 1, 1, 0], high = [0, 0, 0, 0], interior = [0, 0, 0, 0] : (tensor<1x5x5x4xf32>, tensor<f32>) -> tensor<1x6x6x4xf32>
    %2 = stablehlo.constant dense<0.0> : tensor<1x3x3x4xf32>
    %3 = stablehlo.constant dense<0> : tensor<1x3x3x4xui8>
    %4 = stablehlo.compare EQ, %arg1, %3, UNSIGNED : (tensor<1x3x3x4xui8>, tensor<1x3x3x4xui8>) -> tensor<1x3x3x4xi1>
    %5 = stablehlo.slice %1 [0:1, 0:5:2, 0:5:2, 0:4] : (tensor<1x6x6x4xf32>) -> tensor<1x3x3x4xf32>
    %6 = stablehlo.select %4, %5, %2 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xf32>
    %7 = stablehlo.constant dense<1> : tensor<1x3x3x4xui8>
    %8 = stablehlo.compare EQ, %arg1, %7, UNSIGNED : (tensor<1x3x3x4xui8>, tensor<1x3x3x4xui8>) -> tensor<1x3x3x4xi1>
    %9 = stablehlo.slice %1 [0:1, 0:5:2, 1:6:2, 0:4] : (tensor<1x6x6x4xf32>) -> tensor<1x3x3x4xf32>
    %10 = stablehlo.select %8, %9, %6 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xf32>
    %11 = stablehlo.constant dense<2> : tensor<1x3x3x4xui8>
    %12 = stablehlo.compare EQ, %arg1, %11, UNSIGNED : (tensor<1x3x3x4xui8>, tensor<1x3x3x4xui8>) -> tensor<1x3x3x4xi1>
    %13 = stablehlo.slice %1 [0:1, 1:6:2, 0:5:2, 0:4] : (tensor<1x6x6x4xf32>) -> tensor<1x3x3x4xf32>
    %14 = stablehlo.select %12, %13, %10 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xf32>
    %15 = stablehlo.constant dense<3> : tensor<1x3x3x4xui8>
    %16 = stablehlo.compare EQ, %arg1, %15, UNSIGNED : (tensor<1x3x3x4xui8>, tensor<1x3x3x4xui8>) -> tensor<1x3x3x4xi1>
    %17 = stablehlo.slice %1 [0:1, 1:6:2, 1:6:2, 0:4] : (tensor<1x6x6x4xf32>) -> tensor<1x3x3x4xf32>
    %18 = stablehlo.select %16, %17, %14 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xf32>
    return %18 : tensor<1x3x3x4xf32>
  }
}

// max-pool scatter [1, 3, 3, 4] [1, 3, 3, 4]
module @program {
  func.func public @main(%arg0: tensor<1x3x3x4xf32>, %arg1: tensor<1x3x3x4xui8>) -> (tensor<1x5x5x4xf32>) {
    %0 = stablehlo.constant dense<0> : tensor<1x3x3x4xui8>
    %1 = stablehlo.compare EQ, %arg1, %0, UNSIGNED : (tensor<1x3x3x4xui8>, tensor<1x3x3x4xui8>) -> tensor<1x3x3x4xi1>
    %2 = stablehlo.constant dense<0.0> : tensor<1x3x3x4xf32>
    %3 = stablehlo.select %1, %arg0, %2 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xf32>
    %4 = stablehlo.constant dense<0.0> : tensor<f32>
    %5 = stablehlo.pad %3, %4, low = [0, -1, -1, 0], high = [0, 1, 1, 0], interior = [0, 1, 1, 0] : (tensor<1x3x3x4xf32>, tensor<f32>) -> tensor<1x5x5x4xf32>
    %6 = stablehlo.constant dense<1> : tensor<1x3x3x4xui8>
    %7 = stablehlo.compare EQ, %arg1, %6, UNSIGNED : (tensor<1x3x3x4xui8>, tensor<1x3x3x4xui8>) -> tensor<1x3x3x4xi1>
    %8 = stablehlo.select %7, %arg0, %2 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xf32>
    %9 = stablehlo.pad %8, %4, low = [0, -1, 0, 0], high = [0, 1, 0, 0], interior = [0, 1, 1, 0] : (tensor<1x3x3x4xf32>, tensor<f32>) -> tensor<1x5x5x4xf32>
    %10 = stablehlo.add %5, %9 : tensor<1x5x5x4xf32>
    %11 = stablehlo.constant dense<2> : tensor<1x3x3x4xui8>
    %12 = stablehlo.compare EQ, %arg1, %11, UNSIGNED : (tensor<1x3x3x4xui8>, tensor<1x3x3x4xui8>) -> tensor<1x3x3x4xi1>
    %13 = stablehlo.select %12, %arg0, %2 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xf32>
    %14 = stablehlo.pad %13, %4, low = [0, 0, -1, 0], high = [0, 0, 1, 0], interior = [0, 1, 1, 0] : (tensor<1x3x3x4xf32>, tensor<f32>) -> tensor<1x5x5x4xf32>
    %15 = stablehlo.add %10, %14 : tensor<1x5x5x4xf32>
    %16 = stablehlo.constant dense<3> : tensor<1x3x3x4xui8>
    %17 = stablehlo.compare EQ, %arg1, %16, UNSIGNED : (tensor<1x3x3x4xui8>, tensor<1x3x3x4xui8>) -> tensor<1x3x3x4xi1>
    %18 = stablehlo.select %17, %arg0, %2 : tensor<1x3x3x4xi1>, tensor<1x3x3x4xf32>
    %19 = stablehlo.pad %18, %4, low = [0, 0, 0, 0], high = [0, 0, 0, 0], interior = [0, 1, 1, 0] : (tensor<1x3x3x4xf32>, tensor<f32>) -> tensor<1x5x5x4xf32>
    %20 = stablehlo.add %15, %19 : tensor<1x5x5x4xf32>
    return %20 : tensor<1x5x5x4xf32>
  }
}
