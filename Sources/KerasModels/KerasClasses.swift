import Networks

/// Which of Keras's layers are read.
extension KerasReading {
  static let supported = [
    "Activation", "Add", "Average", "AveragePooling2D", "BatchNormalization", "CenterCrop",
    "Concatenate", "Conv2D", "Cropping2D", "Dense", "DepthwiseConv2D", "Dropout", "ELU", "Flatten",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "InputLayer", "LayerNormalization",
    "LayerScale",
    "LeakyReLU", "MaxPooling2D", "Maximum", "Minimum", "Multiply", "Normalization", "PReLU",
    "Permute", "ReLU",
    "Rescaling", "Reshape", "Resizing", "SeparableConv2D", "Softmax", "SpatialDropout2D",
    "Subtract",
    "UpSampling2D", "ZeroPadding2D",
  ]

  /// Layers that do nothing but in training.
  static let idle: Set = [
    "ActivityRegularization", "AlphaDropout", "AugMix", "AutoContrast", "CutMix", "GaussianDropout",
    "GaussianNoise", "Identity", "MixUp", "RandAugment", "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter", "RandomContrast", "RandomElasticTransform", "RandomErasing", "RandomFlip",
    "RandomGaussianBlur", "RandomGrayscale", "RandomHeight", "RandomHue", "RandomInvert",
    "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation",
    "RandomSharpness", "RandomShear", "RandomTranslation", "RandomWidth", "RandomZoom",
    "StochasticDepth",
  ]

  /// Why a layer of this class is not read; nil for one that is.
  /// - Parameter isCalled: whether it belongs to a functional model, where operations stand beside
  ///   layers.
  static func refusal(
    _ className: String, _ config: KerasObject, isCalled: Bool
  ) -> String? {
    if supported.contains(className) || idle.contains(className) { return nil }
    // Of channels that are taken one by one: KerasReading.appendChannels.
    if className == "Stack", isCalled { return nil }
    let isOperation =
      className.hasSuffix("OpLambda")
      || isCalled && KerasOperation.isOperation(className, config)
    if isOperation, KerasOperation(className, config) != nil { return nil }
    // Keras 2 has the function's name, Keras 3 a class without any configuration.
    let function = config.value("function") as? String
    if let function, className.hasSuffix("OpLambda") {
      return
        "is the operation \(function.prefix(100)) between layers, which is not supported; supported "
        + "are +, −, ×, ÷ and activation functions; build the model of layers"
    }
    if isOperation {
      return
        "is the operation \(className.prefix(100)) between layers, which is not supported; supported "
        + "are +, −, ×, ÷ and activation functions; build the model of layers"
    }
    return "this class of layer is not supported; supported are "
      + supported.joined(separator: ", ")
  }
}
