import ImageData

/// `network.preprocessing`, entry by entry.
struct PreprocessingEntries: Sendable {
  package var resize = Preprocessing.Resize.none
  package var crop: ImageSize?
  /// Values of the next three where they are omitted.
  package var style: Preprocessing.Style?
  package var channelOrder: Preprocessing.ChannelOrder?
  package var mean: [Float]?
  package var standardDeviation: [Float]?
  /// Whether how images are normalised is a guess.
  package var isAssumed = false

  package init() {}

  /// - Parameters:
  ///   - saysNormalization: whether more than the size is given.
  ///   - isAssumed: whether that is a guess.
  package init(_ preprocessing: Preprocessing, saysNormalization: Bool, isAssumed: Bool) {
    (resize, crop) = (preprocessing.resize, preprocessing.centerCrop)
    guard saysNormalization else { return }
    self.isAssumed = isAssumed
    channelOrder = preprocessing.channelOrder
    (mean, standardDeviation) = (preprocessing.mean, preprocessing.standardDeviation)
  }

  /// Whether it says how images are normalised, and not their size alone.
  package var saysNormalization: Bool {
    style != nil || channelOrder != nil || mean != nil || standardDeviation != nil
  }

  /// - Parameter family: of the network, whose style holds where none is given.
  package func preprocessing(family: String?) -> Preprocessing {
    let style = style ?? family.map(Preprocessing.Style.init(family:)) ?? .torch
    var preprocessing = Preprocessing(resize: resize, centerCrop: crop, style: style)
    if mean?.count == 1 || standardDeviation?.count == 1 { preprocessing = preprocessing.gray }
    if let channelOrder { preprocessing.channelOrder = channelOrder }
    if let mean { preprocessing.mean = mean }
    if let standardDeviation { preprocessing.standardDeviation = standardDeviation }
    return preprocessing
  }

  /// Written where it is true.
  private var assumed: Bool? {
    get { isAssumed ? true : nil }
    set { isAssumed = newValue ?? false }
  }

  /// Of the network's input, where it does not depend on the image.
  package var outputSize: ImageSize? { preprocessing(family: nil).outputSize }

  static let schema = RecipeSchema(
    PreprocessingEntries(),
    [
      .defaulted(
        "resize", \.resize, .resize,
        "size before cropping; `shorterSide` keeps the proportions"),
      .automatic("crop", \.crop, .size, else: "everything", "the middle part that is kept"),
      .automatic(
        "style", \.style, .choice(Preprocessing.Style.self),
        else: "that of `network.architecture.family`, else torch",
        "values of the next three keys: `torch` as torchvision's weights, `caffe` as Keras's VGGs and "
          + "ResNets (blue first, 0 to 255), `tf` from -1 to 1, `lite` as EfficientNet-Lite's"),
      .automatic(
        "channelOrder", \.channelOrder, .choice(Preprocessing.ChannelOrder.self),
        else: "the style's", "which colour the network's first channel is"),
      .automatic(
        "mean", \.mean,
        .list(
          of: .single(RecipeNumberRange(from: -1000, to: 1000)), named: "numbers", count: 1...3),
        else: "the style's: [0.485, 0.456, 0.406]",
        "of the channels in the network's order, in [0, 1], subtracted; one number for gray images"),
      .automatic(
        "standardDeviation", \.standardDeviation,
        .list(of: .single(.above(0, to: 1000)), named: "numbers", count: 1...3),
        else: "the style's: [0.229, 0.224, 0.225]", "of the channels, divided by"),
      .automatic(
        "assumed", \.assumed, .truth, else: "false",
        "whether how images are normalised is a guess, as a run has noted it; every command says so"
      ),
    ],
    check: { value, section in
      guard let crop = value.crop else { return }
      let available: ImageSize
      switch value.resize {
      case .none: return
      case .exact(let width, let height): available = ImageSize(width: width, height: height)
      case .shorterSide(let length):
        // The longer side may be long enough.
        if min(crop.width, crop.height) <= length { return }
        available = ImageSize(width: length, height: length)
      }
      if crop.width > available.width || crop.height > available.height {
        section.report(
          "network.preprocessing.crop is \(crop), larger than the \(available) after resizing",
          at: "crop")
      }
    })
}
