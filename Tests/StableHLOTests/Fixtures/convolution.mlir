// convolution [1, 5, 5, 4] [6, 3, 3, 4]
module @program {
  func.func public @main(%arg0: tensor<1x5x5x4xf32>, %arg1: tensor<6x3x3x4xf32>) -> (tensor<1x3x3x6xf32>) {
    %0 = stablehlo.convolution(%arg0, %arg1) dim_numbers = [b, 0, 1, f]x[o, 0, 1, i]->[b, 0, 1, f], window = {stride = [2, 2], pad = [[1, 1], [1, 1]], lhs_dilate = [1, 1], rhs_dilate = [1, 1]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<1x5x5x4xf32>, tensor<6x3x3x4xf32>) -> tensor<1x3x3x6xf32>
    return %0 : tensor<1x3x3x6xf32>
  }
}

// convolution input gradient [1, 3, 3, 6] [6, 3, 3, 4]
module @program {
  func.func public @main(%arg0: tensor<1x3x3x6xf32>, %arg1: tensor<6x3x3x4xf32>) -> (tensor<1x5x5x4xf32>) {
    %0 = stablehlo.reverse %arg1, dims = [1, 2] : tensor<6x3x3x4xf32>
    %1 = stablehlo.convolution(%arg0, %0) dim_numbers = [b, 0, 1, f]x[i, 0, 1, o]->[b, 0, 1, f], window = {stride = [1, 1], pad = [[1, 1], [1, 1]], lhs_dilate = [2, 2], rhs_dilate = [1, 1]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<1x3x3x6xf32>, tensor<6x3x3x4xf32>) -> tensor<1x5x5x4xf32>
    return %1 : tensor<1x5x5x4xf32>
  }
}

// convolution filter gradient [1, 5, 5, 4] [1, 3, 3, 6]
module @program {
  func.func public @main(%arg0: tensor<1x5x5x4xf32>, %arg1: tensor<1x3x3x6xf32>) -> (tensor<6x3x3x4xf32>) {
    %0 = stablehlo.convolution(%arg0, %arg1) dim_numbers = [f, 0, 1, b]x[i, 0, 1, o]->[f, 0, 1, b], window = {stride = [1, 1], pad = [[1, 1], [1, 1]], lhs_dilate = [1, 1], rhs_dilate = [2, 2]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<1x5x5x4xf32>, tensor<1x3x3x6xf32>) -> tensor<6x3x3x4xf32>
    return %0 : tensor<6x3x3x4xf32>
  }
}

// convolution [1, 5, 5, 4] [6, 2, 3, 2]
module @program {
  func.func public @main(%arg0: tensor<1x5x5x4xf32>, %arg1: tensor<6x2x3x2xf32>) -> (tensor<1x4x3x6xf32>) {
    %0 = stablehlo.convolution(%arg0, %arg1) dim_numbers = [b, 0, 1, f]x[o, 0, 1, i]->[b, 0, 1, f], window = {stride = [1, 2], pad = [[1, 0], [0, 2]], lhs_dilate = [1, 1], rhs_dilate = [2, 1]} {batch_group_count = 1 : i64, feature_group_count = 2 : i64, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<1x5x5x4xf32>, tensor<6x2x3x2xf32>) -> tensor<1x4x3x6xf32>
    return %0 : tensor<1x4x3x6xf32>
  }
}

// convolution input gradient [1, 4, 3, 6] [6, 2, 3, 2]
module @program {
  func.func public @main(%arg0: tensor<1x4x3x6xf32>, %arg1: tensor<6x2x3x2xf32>) -> (tensor<1x5x5x4xf32>) {
    %0 = stablehlo.reverse %arg1, dims = [1, 2] : tensor<6x2x3x2xf32>
    %1 = stablehlo.reshape %0 : (tensor<6x2x3x2xf32>) -> tensor<2x3x2x3x2xf32>
    %2 = stablehlo.transpose %1, dims = [1, 2, 3, 0, 4] : (tensor<2x3x2x3x2xf32>) -> tensor<3x2x3x2x2xf32>
    %3 = stablehlo.reshape %2 : (tensor<3x2x3x2x2xf32>) -> tensor<3x2x3x4xf32>
    %4 = stablehlo.convolution(%arg0, %3) dim_numbers = [b, 0, 1, f]x[i, 0, 1, o]->[b, 0, 1, f], window = {stride = [1, 1], pad = [[1, 2], [2, 0]], lhs_dilate = [1, 2], rhs_dilate = [2, 1]} {batch_group_count = 1 : i64, feature_group_count = 2 : i64, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<1x4x3x6xf32>, tensor<3x2x3x4xf32>) -> tensor<1x5x5x4xf32>
    return %4 : tensor<1x5x5x4xf32>
  }
}

// convolution filter gradient [1, 5, 5, 4] [1, 4, 3, 6]
module @program {
  func.func public @main(%arg0: tensor<1x5x5x4xf32>, %arg1: tensor<1x4x3x6xf32>) -> (tensor<6x2x3x2xf32>) {
    %0 = stablehlo.convolution(%arg0, %arg1) dim_numbers = [f, 0, 1, b]x[i, 0, 1, o]->[f, 0, 1, b], window = {stride = [2, 1], pad = [[1, 0], [0, 2]], lhs_dilate = [1, 1], rhs_dilate = [1, 2]} {batch_group_count = 2 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<1x5x5x4xf32>, tensor<1x4x3x6xf32>) -> tensor<6x2x3x2xf32>
    return %0 : tensor<6x2x3x2xf32>
  }
}
