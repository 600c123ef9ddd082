// average pool [1, 5, 5, 4]
module @program {
  func.func public @main(%arg0: tensor<1x5x5x4xf32>) -> (tensor<1x3x3x4xf32>) {
    %0 = stablehlo.constant dense<0.0> : tensor<f32>
    %1 = stablehlo.pad %arg0, %0, low = [0, 1, 1, 0], high = [0, 1, 1, 0], interior = [0, 0, 0, 0] : (tensor<1x5x5x4xf32>, tensor<f32>) -> tensor<1x7x7x4xf32>
    %2 = "stablehlo.reduce_window"(%1, %0) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %sum = stablehlo.add %a, %b : tensor<f32>
      stablehlo.return %sum : tensor<f32>
    }) {window_dimensions = array<i64: 1, 3, 3, 1>, window_strides = array<i64: 1, 2, 2, 1>, window_dilations = array<i64: 1, 1, 1, 1>} : (tensor<1x7x7x4xf32>, tensor<f32>) -> tensor<1x3x3x4xf32>
    %3 = stablehlo.constant dense<0.11111111> : tensor<f32>
    %4 = stablehlo.broadcast_in_dim %3, dims = [] : (tensor<f32>) -> tensor<1x3x3x4xf32>
    %5 = stablehlo.multiply %2, %4 : tensor<1x3x3x4xf32>
    return %5 : tensor<1x3x3x4xf32>
  }
}

// average pool gradient [1, 3, 3, 4]
module @program {
  func.func public @main(%arg0: tensor<1x3x3x4xf32>) -> (tensor<1x5x5x4xf32>) {
    %0 = stablehlo.constant dense<0.11111111> : tensor<f32>
    %1 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f32>) -> tensor<1x3x3x4xf32>
    %2 = stablehlo.multiply %arg0, %1 : tensor<1x3x3x4xf32>
    %3 = stablehlo.constant dense<0.0> : tensor<f32>
    %4 = stablehlo.pad %2, %3, low = [0, 1, 1, 0], high = [0, 1, 1, 0], interior = [0, 1, 1, 0] : (tensor<1x3x3x4xf32>, tensor<f32>) -> tensor<1x7x7x4xf32>
    %5 = "stablehlo.reduce_window"(%4, %3) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %sum = stablehlo.add %a, %b : tensor<f32>
      stablehlo.return %sum : tensor<f32>
    }) {window_dimensions = array<i64: 1, 3, 3, 1>, window_strides = array<i64: 1, 1, 1, 1>, window_dilations = array<i64: 1, 1, 1, 1>} : (tensor<1x7x7x4xf32>, tensor<f32>) -> tensor<1x5x5x4xf32>
    return %5 : tensor<1x5x5x4xf32>
  }
}

// average pool [1, 5, 5, 4]
module @program {
  func.func public @main(%arg0: tensor<1x5x5x4xf32>) -> (tensor<1x3x3x4xf32>) {
    %0 = stablehlo.constant dense<0.0> : tensor<f32>
    %1 = stablehlo.pad %arg0, %0, low = [0, 1, 1, 0], high = [0, 1, 1, 0], interior = [0, 0, 0, 0] : (tensor<1x5x5x4xf32>, tensor<f32>) -> tensor<1x7x7x4xf32>
    %2 = "stablehlo.reduce_window"(%1, %0) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %sum = stablehlo.add %a, %b : tensor<f32>
      stablehlo.return %sum : tensor<f32>
    }) {window_dimensions = array<i64: 1, 3, 3, 1>, window_strides = array<i64: 1, 2, 2, 1>, window_dilations = array<i64: 1, 1, 1, 1>} : (tensor<1x7x7x4xf32>, tensor<f32>) -> tensor<1x3x3x4xf32>
    %3 = stablehlo.constant dense<[0.5, 0.33333334, 0.5]> : tensor<3xf32>
    %4 = stablehlo.broadcast_in_dim %3, dims = [1] : (tensor<3xf32>) -> tensor<1x3x3x1xf32>
    %5 = stablehlo.broadcast_in_dim %3, dims = [2] : (tensor<3xf32>) -> tensor<1x3x3x1xf32>
    %6 = stablehlo.multiply %4, %5 : tensor<1x3x3x1xf32>
    %7 = stablehlo.broadcast_in_dim %6, dims = [0, 1, 2, 3] : (tensor<1x3x3x1xf32>) -> tensor<1x3x3x4xf32>
    %8 = stablehlo.multiply %2, %7 : tensor<1x3x3x4xf32>
    return %8 : tensor<1x3x3x4xf32>
  }
}

// average pool gradient [1, 3, 3, 4]
module @program {
  func.func public @main(%arg0: tensor<1x3x3x4xf32>) -> (tensor<1x5x5x4xf32>) {
    %0 = stablehlo.constant dense<[0.5, 0.33333334, 0.5]> : tensor<3xf32>
    %1 = stablehlo.broadcast_in_dim %0, dims = [1] : (tensor<3xf32>) -> tensor<1x3x3x1xf32>
    %2 = stablehlo.broadcast_in_dim %0, dims = [2] : (tensor<3xf32>) -> tensor<1x3x3x1xf32>
    %3 = stablehlo.multiply %1, %2 : tensor<1x3x3x1xf32>
    %4 = stablehlo.broadcast_in_dim %3, dims = [0, 1, 2, 3] : (tensor<1x3x3x1xf32>) -> tensor<1x3x3x4xf32>
    %5 = stablehlo.multiply %arg0, %4 : tensor<1x3x3x4xf32>
    %6 = stablehlo.constant dense<0.0> : tensor<f32>
    %7 = stablehlo.pad %5, %6, low = [0, 1, 1, 0], high = [0, 1, 1, 0], interior = [0, 1, 1, 0] : (tensor<1x3x3x4xf32>, tensor<f32>) -> tensor<1x7x7x4xf32>
    %8 = "stablehlo.reduce_window"(%7, %6) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %sum = stablehlo.add %a, %b : tensor<f32>
      stablehlo.return %sum : tensor<f32>
    }) {window_dimensions = array<i64: 1, 3, 3, 1>, window_strides = array<i64: 1, 1, 1, 1>, window_dilations = array<i64: 1, 1, 1, 1>} : (tensor<1x7x7x4xf32>, tensor<f32>) -> tensor<1x5x5x4xf32>
    return %8 : tensor<1x5x5x4xf32>
  }
}
