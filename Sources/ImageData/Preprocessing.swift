import Foundation

/// How an image becomes the input of a network: resized, cropped to its middle, and normalised
/// channel by channel, (v / 255 - mean) / standard deviation.
public struct Preprocessing: Hashable, Sendable {
  /// What is done to the size first. All resizing is Pillow's antialiased bilinear filter.
  public enum Resize: Codable, Hashable, Sendable {
    case none
    /// To this size, whatever becomes of the proportions.
    case exact(width: Int, height: Int)
    /// The shorter side to this length, the longer in proportion, rounded down: torchvision's
    /// `Resize(length)`.
    case shorterSide(length: Int)
  }

  /// Which colour the network's first channel is.
  public enum ChannelOrder: String, Codable, Hashable, Sendable, CaseIterable {
    case rgb, bgr
  }

  /// Channel order, mean and standard deviation under one name: the `mode` of Keras's
  /// `imagenet_utils.preprocess_input`.
  public enum Style: String, Codable, Hashable, Sendable, CaseIterable {
    /// Red, green, blue in [0, 1], less ImageNet's mean, over its standard deviation: torchvision,
    /// Keras's DenseNets.
    case torch
    /// Blue, green, red in [0, 255], less ImageNet's mean (103.939, 116.779, 123.68): Keras's VGGs
    /// and ResNets.
    case caffe
    /// Red, green, blue in [-1, 1].
    case tf
  }

  public var resize: Resize
  /// The size of the middle that is kept after resizing; everything when `nil`.
  public var centerCrop: ImageSize?
  public var channelOrder: ChannelOrder
  /// Per channel in the network's order, of samples in [0, 1].
  public var mean: [Float]
  /// Per channel in the network's order, of samples in [0, 1]; 1/255 leaves them in [0, 255].
  public var standardDeviation: [Float]

  public init(
    resize: Resize = .none, centerCrop: ImageSize? = nil, channelOrder: ChannelOrder = .rgb,
    mean: [Float] = Preprocessing.imageNetMean,
    standardDeviation: [Float] = Preprocessing.imageNetStandardDeviation
  ) {
    self.resize = resize
    self.centerCrop = centerCrop
    self.channelOrder = channelOrder
    self.mean = mean
    self.standardDeviation = standardDeviation
  }

  public init(resize: Resize = .none, centerCrop: ImageSize? = nil, style: Style) {
    self.init(
      resize: resize, centerCrop: centerCrop, channelOrder: style.channelOrder, mean: style.mean,
      standardDeviation: style.standardDeviation)
  }

  /// Statistics of ImageNet's training photographs, as torchvision's weights expect them.
  public static let imageNetMean: [Float] = [0.485, 0.456, 0.406]
  public static let imageNetStandardDeviation: [Float] = [0.229, 0.224, 0.225]

  /// A preprocessing that cannot be carried out.
  public struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
  }

  /// - Throws: `Invalid` when a size is not positive or too large, when mean and standard
  ///   deviation are not three finite numbers each, or when a deviation is not positive.
  public func validate() throws(Invalid) {
    switch resize {
    case .none: break
    case .exact(let width, let height):
      try Preprocessing.check(ImageSize(width: width, height: height), as: "resize.exact")
    case .shorterSide(let length):
      try Preprocessing.check(
        ImageSize(width: length, height: length), as: "resize.shorterSide")
    }
    if let centerCrop { try Preprocessing.check(centerCrop, as: "centerCrop") }
    guard mean.count == Image.channels, mean.allSatisfy(\.isFinite) else {
      throw Invalid(description: "mean is \(mean), expected three numbers")
    }
    guard
      standardDeviation.count == Image.channels,
      standardDeviation.allSatisfy({ $0.isFinite && $0 > 0 })
    else {
      throw Invalid(
        description: "standardDeviation is \(standardDeviation), expected three positive numbers")
    }
  }

  private static func check(_ size: ImageSize, as field: String) throws(Invalid) {
    let sides = 1...Image.DecodingLimits.side
    guard sides.contains(size.width), sides.contains(size.height) else {
      throw Invalid(
        description: "\(field) is \(size), expected sides from 1 to \(sides.upperBound)")
    }
  }

  /// The size of every result, where it does not depend on the source.
  public var outputSize: ImageSize? {
    if let centerCrop { return centerCrop }
    if case .exact(let width, let height) = resize {
      return ImageSize(width: width, height: height)
    }
    return nil
  }

  /// The size of the result for a source of this size.
  public func outputSize(of source: ImageSize) -> ImageSize {
    outputSize ?? resizedSize(of: source)
  }

  private func resizedSize(of source: ImageSize) -> ImageSize {
    switch resize {
    case .none: return source
    case .exact(let width, let height): return ImageSize(width: width, height: height)
    case .shorterSide(let length):
      let longer = length * max(source.width, source.height) / min(source.width, source.height)
      return source.width <= source.height
        ? ImageSize(width: length, height: longer) : ImageSize(width: longer, height: length)
    }
  }

  /// Resized and cropped, not yet normalised.
  /// - Parameters:
  ///   - image: as it was decoded.
  ///   - name: stands for the image in errors.
  /// - Throws: `ImageError` when the resized image is smaller than the crop, or would be larger
  ///   than `Image.DecodingLimits`.
  public func prepare(_ image: Image, name: String) throws(ImageError) -> Image {
    let size = resizedSize(of: image.size)
    if let centerCrop, size.width < centerCrop.width || size.height < centerCrop.height {
      throw ImageError(
        path: name,
        reason: "is \(size) after resizing, smaller than the centre crop of \(centerCrop)")
    }
    guard size.area <= Image.DecodingLimits.pixels else {
      throw ImageError(
        path: name,
        reason: "of \(image.size) would become \(size); the limit is "
          + "\(Image.DecodingLimits.pixels) pixels")
    }
    let resized = size == image.size ? image : image.resized(to: size)
    guard let centerCrop else { return resized }
    // Python's rounding of halves to even, as torchvision's CenterCrop has it.
    func origin(_ margin: Int) -> Int { Int((Double(margin) / 2).rounded(.toNearestOrEven)) }
    return resized.cropped(
      x: origin(size.width - centerCrop.width), y: origin(size.height - centerCrop.height),
      to: centerCrop)
  }
}

extension Preprocessing.Style {
  public var channelOrder: Preprocessing.ChannelOrder { self == .caffe ? .bgr : .rgb }

  /// Per channel in the network's order, of samples in [0, 1].
  public var mean: [Float] {
    switch self {
    case .torch: Preprocessing.imageNetMean
    // keras/src/applications/imagenet_utils.py, of samples in [0, 255]
    case .caffe: [103.939, 116.779, 123.68].map { Float($0 / 255) }
    case .tf: [0.5, 0.5, 0.5]
    }
  }

  public var standardDeviation: [Float] {
    switch self {
    case .torch: Preprocessing.imageNetStandardDeviation
    case .caffe: [Float](repeating: 1 / 255, count: Image.channels)
    case .tf: [0.5, 0.5, 0.5]
    }
  }
}

/// `{"resize": …, "centerCrop": …, "mean": […], "standardDeviation": […]}`, and `"channelOrder":
/// "bgr"` where it is not red, green, blue.
extension Preprocessing: Codable {
  private enum Key: String, CodingKey {
    case resize, centerCrop, channelOrder, mean, standardDeviation
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    self.init(
      resize: try values.decode(Resize.self, forKey: .resize),
      centerCrop: try values.decodeIfPresent(ImageSize.self, forKey: .centerCrop),
      channelOrder: try values.decodeIfPresent(ChannelOrder.self, forKey: .channelOrder) ?? .rgb,
      mean: try values.decode([Float].self, forKey: .mean),
      standardDeviation: try values.decode([Float].self, forKey: .standardDeviation))
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(resize, forKey: .resize)
    try values.encodeIfPresent(centerCrop, forKey: .centerCrop)
    if channelOrder != .rgb { try values.encode(channelOrder, forKey: .channelOrder) }
    try values.encode(mean, forKey: .mean)
    try values.encode(standardDeviation, forKey: .standardDeviation)
  }
}

/// (v / 255 - mean) / standard deviation for all 256 values of the three channels, which it puts
/// into the network's order.
public struct Normalizer: Sendable {
  /// [256, 3], the channels of the network.
  private let table: [Float]
  private let mean: [Float]
  private let standardDeviation: [Float]
  /// Whether the network's first channel is an image's last.
  private let reverses: Bool

  /// - Precondition: `preprocessing` is valid.
  public init(_ preprocessing: Preprocessing) {
    precondition(
      preprocessing.mean.count == Image.channels
        && preprocessing.standardDeviation.count == Image.channels,
      "three means and three standard deviations")
    reverses = preprocessing.channelOrder == .bgr
    (mean, standardDeviation) = (preprocessing.mean, preprocessing.standardDeviation)
    table = (0..<256 * Image.channels).map { entry in
      let (value, channel) = entry.quotientAndRemainder(dividingBy: Image.channels)
      return (Float(value) / 255 - preprocessing.mean[channel])
        / preprocessing.standardDeviation[channel]
    }
  }

  /// The image as network input, [height, width, 3].
  public func callAsFunction(_ image: Image) -> [Float] {
    [Float](unsafeUninitializedCapacity: image.pixels.count) { target, count in
      write(image, to: target)
      count = image.pixels.count
    }
  }

  /// The same for samples in [0, 255] that need not be whole numbers, [height, width, 3] in an image's
  /// order of channels.
  public func callAsFunction(samples: [Float]) -> [Float] {
    precondition(samples.count % Image.channels == 0, "\(samples.count) samples")
    let (scale, shift) = (
      standardDeviation.map { 1 / (255 * $0) }, zip(mean, standardDeviation).map { $0 / $1 }
    )
    return [Float](unsafeUninitializedCapacity: samples.count) { target, count in
      samples.withUnsafeBufferPointer { source in
        for offset in stride(from: 0, to: source.count, by: Image.channels) {
          for channel in 0..<Image.channels {
            let place = offset + (reverses ? Image.channels - 1 - channel : channel)
            target[offset + channel] = source[place] * scale[channel] - shift[channel]
          }
        }
      }
      count = samples.count
    }
  }

  /// The derivative in an image's samples, given that in the network's input for it: [height, width,
  /// 3], in the image's order of channels, per unit of 0 to 255.
  public func derivativeInSamples(_ derivative: ArraySlice<Float>) -> [Float] {
    precondition(derivative.count % Image.channels == 0, "\(derivative.count) derivatives")
    let scale = standardDeviation.map { 1 / (255 * $0) }
    return [Float](unsafeUninitializedCapacity: derivative.count) { target, count in
      derivative.withUnsafeBufferPointer { source in
        for offset in stride(from: 0, to: source.count, by: Image.channels) {
          for channel in 0..<Image.channels {
            let place = offset + (reverses ? Image.channels - 1 - channel : channel)
            target[place] = source[offset + channel] * scale[channel]
          }
        }
      }
      count = derivative.count
    }
  }

  /// - Precondition: `target` has room for every sample.
  func write(_ image: Image, to target: UnsafeMutableBufferPointer<Float>) {
    precondition(target.count >= image.pixels.count, "no room for \(image.size)")
    table.withUnsafeBufferPointer { table in
      image.pixels.withUnsafeBufferPointer { source in
        for offset in stride(from: 0, to: source.count, by: Image.channels) {
          for channel in 0..<Image.channels {
            let place = offset + (reverses ? Image.channels - 1 - channel : channel)
            target[offset + channel] = table[Int(source[place]) * Image.channels + channel]
          }
        }
      }
    }
  }
}
