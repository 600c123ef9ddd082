// reshape [6]
module @program {
  func.func public @main(%arg0: tensor<6xf32>) -> (tensor<3x2xf32>) {
    %0 = stablehlo.reshape %arg0 : (tensor<6xf32>) -> tensor<3x2xf32>
    return %0 : tensor<3x2xf32>
  }
}

// transpose [2, 3, 4]
module @program {
  func.func public @main(%arg0: tensor<2x3x4xf32>) -> (tensor<4x2x3xf32>) {
    %0 = stablehlo.transpose %arg0, dims = [2, 0, 1] : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
    return %0 : tensor<4x2x3xf32>
  }
}

// slice [7, 5]
module @program {
  func.func public @main(%arg0: tensor<7x5xf32>) -> (tensor<3x5xf32>) {
    %0 = stablehlo.slice %arg0 [1:6:2, 0:5] : (tensor<7x5xf32>) -> tensor<3x5xf32>
    return %0 : tensor<3x5xf32>
  }
}

// pad [3, 2]
module @program {
  func.func public @main(%arg0: tensor<3x2xf32>) -> (tensor<8x3xf32>) {
    %0 = stablehlo.constant dense<0.0> : tensor<f32>
    %1 = stablehlo.pad %arg0, %0, low = [0, 1], high = [1, 0], interior = [2, 0] : (tensor<3x2xf32>, tensor<f32>) -> tensor<8x3xf32>
    return %1 : tensor<8x3xf32>
  }
}

// concatenation [2, 1] [2, 3]
module @program {
  func.func public @main(%arg0: tensor<2x1xf32>, %arg1: tensor<2x3xf32>) -> (tensor<2x4xf32>) {
    %0 = stablehlo.concatenate %arg0, %arg1, dim = 1 : (tensor<2x1xf32>, tensor<2x3xf32>) -> tensor<2x4xf32>
    return %0 : tensor<2x4xf32>
  }
}
