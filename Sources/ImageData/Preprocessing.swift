import Foundation

/// How an image becomes the input of a network: resized, cropped to its middle, and normalised
/// channel by channel, (v / 255 - mean) / standard deviation. For a network of one channel it is made
/// gray first (`Image.luma`).
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
    /// Red, green, blue in [0, 255] less 127, over 128: EfficientNet-Lite.
    case lite
  }

  public var resize: Resize
  /// The size of the middle that is kept after resizing; everything when `nil`.
  public var centerCrop: ImageSize?
  public var channelOrder: ChannelOrder
  /// Per channel in the network's order, of samples in [0, 1]; one number for gray images.
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

  /// - Parameters:
  ///   - resize: before the crop.
  ///   - centerCrop: the middle part that is kept; everything if `nil`.
  ///   - style: the convention of the network's weights, from which all numbers follow.
  ///   - channels: of the network, 1 or 3. The one channel of gray images has the mean of the style's
  ///     three numbers.
  public init(
    resize: Resize = .none, centerCrop: ImageSize? = nil, style: Style,
    channels: Int = Image.channels
  ) {
    self.init(
      resize: resize, centerCrop: centerCrop, channelOrder: style.channelOrder, mean: style.mean,
      standardDeviation: style.standardDeviation)
    if channels == 1 { self = gray }
  }

  /// How many channels a network can have, in words.
  public static let channelCounts = [1, 3]

  /// Of the network's input.
  public var channels: Int { mean.count }

  /// The same for a network of one channel: means over the channels.
  public var gray: Preprocessing {
    func average(_ values: [Float]) -> [Float] {
      [Float(values.reduce(0) { $0 + Double($1) } / Double(max(values.count, 1)))]
    }
    return Preprocessing(
      resize: resize, centerCrop: centerCrop, channelOrder: .rgb, mean: average(mean),
      standardDeviation: average(standardDeviation))
  }

  /// Statistics of ImageNet's training images, as torchvision's weights expect them.
  public static let imageNetMean: [Float] = [0.485, 0.456, 0.406]
  public static let imageNetStandardDeviation: [Float] = [0.229, 0.224, 0.225]

  /// A preprocessing that cannot be carried out.
  public struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
  }

  /// - Throws: `Invalid` when a size is not positive or too large, when mean and standard
  ///   deviation are not three finite numbers each, or one each, or when a deviation is not positive.
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
    guard Preprocessing.channelCounts.contains(mean.count), mean.allSatisfy(\.isFinite) else {
      throw Invalid(
        description: "mean is \(mean), expected three numbers, or one for gray images")
    }
    guard
      standardDeviation.count == mean.count,
      standardDeviation.allSatisfy({ $0.isFinite && $0 > 0 })
    else {
      throw Invalid(
        description: "standardDeviation is \(standardDeviation), expected "
          + "\(mean.count == 1 ? "one positive number" : "three positive numbers"), as many as mean "
          + "has")
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
    case .lite: [Float](repeating: 127 / 255, count: Image.channels)
    }
  }

  public var standardDeviation: [Float] {
    switch self {
    case .torch: Preprocessing.imageNetStandardDeviation
    case .caffe: [Float](repeating: 1 / 255, count: Image.channels)
    case .tf: [0.5, 0.5, 0.5]
    case .lite: [Float](repeating: 128 / 255, count: Image.channels)
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

extension Image {
  /// Weights of red, green and blue in a gray value, in 65536ths: ITU-R BT.601, with Pillow's rounding.
  static let lumaWeights = (red: 19_595, green: 38_470, blue: 7_471)

  /// Gray values, [height, width]: (19595 R + 38470 G + 7471 B + 32768) / 65536, exactly Pillow's
  /// `convert("L")`.
  public var luma: [UInt8] {
    let weights = Image.lumaWeights
    return [UInt8](unsafeUninitializedCapacity: size.area) { target, count in
      pixels.withUnsafeBufferPointer { source in
        for pixel in 0..<size.area {
          let sum =
            weights.red * Int(source[3 * pixel]) + weights.green * Int(source[3 * pixel + 1])
            + weights.blue * Int(source[3 * pixel + 2])
          target[pixel] = UInt8((sum + 0x8000) >> 16)
        }
      }
      count = size.area
    }
  }
}

/// (v / 255 - mean) / standard deviation for all 256 values of the channels, which it puts into the
/// network's order. For a network of one channel an image is made gray before.
public struct Normalizer: Sendable {
  /// Of the network's input, 1 or 3.
  public let channels: Int
  /// [256, channels], the channels of the network.
  private let table: [Float]
  private let mean: [Float]
  private let standardDeviation: [Float]
  /// Whether the network's first channel is an image's last.
  private let reverses: Bool

  /// - Precondition: `preprocessing` is valid.
  public init(_ preprocessing: Preprocessing) {
    let channels = preprocessing.channels
    precondition(
      Preprocessing.channelCounts.contains(channels)
        && preprocessing.standardDeviation.count == channels,
      "one or three means, and as many standard deviations")
    self.channels = channels
    reverses = preprocessing.channelOrder == .bgr && channels == Image.channels
    (mean, standardDeviation) = (preprocessing.mean, preprocessing.standardDeviation)
    table = (0..<256 * channels).map { entry in
      let (value, channel) = entry.quotientAndRemainder(dividingBy: channels)
      return (Float(value) / 255 - preprocessing.mean[channel])
        / preprocessing.standardDeviation[channel]
    }
  }

  /// How many numbers the network is given of an image.
  public func count(of size: ImageSize) -> Int { size.area * channels }

  /// The image as network input, [height, width, channels].
  public func callAsFunction(_ image: Image) -> [Float] {
    [Float](unsafeUninitializedCapacity: count(of: image.size)) { target, count in
      write(image, to: target)
      count = self.count(of: image.size)
    }
  }

  /// Weights of red, green and blue in a gray value.
  private static let luma: [Float] = {
    let weights = Image.lumaWeights
    return [weights.red, weights.green, weights.blue].map { Float($0) / 65_536 }
  }()

  /// The same for samples in [0, 255] that need not be whole numbers, [height, width, 3] in an image's
  /// order of channels.
  public func callAsFunction(samples: [Float]) -> [Float] {
    precondition(samples.count % Image.channels == 0, "\(samples.count) samples")
    let (scale, shift) = (
      standardDeviation.map { 1 / (255 * $0) }, zip(mean, standardDeviation).map { $0 / $1 }
    )
    let total = samples.count / Image.channels * channels
    return [Float](unsafeUninitializedCapacity: total) { target, count in
      samples.withUnsafeBufferPointer { source in
        guard channels == Image.channels else {
          let luma = Normalizer.luma
          for pixel in 0..<total {
            let gray =
              luma[0] * source[3 * pixel] + luma[1] * source[3 * pixel + 1]
              + luma[2] * source[3 * pixel + 2]
            target[pixel] = gray * scale[0] - shift[0]
          }
          return
        }
        for offset in stride(from: 0, to: source.count, by: Image.channels) {
          for channel in 0..<Image.channels {
            let place = offset + (reverses ? Image.channels - 1 - channel : channel)
            target[offset + channel] = source[place] * scale[channel] - shift[channel]
          }
        }
      }
      count = total
    }
  }

  /// The derivative in an image's samples, given that in the network's input for it: [height, width,
  /// 3], in the image's order of channels, per unit of 0 to 255.
  public func derivativeInSamples(_ derivative: ArraySlice<Float>) -> [Float] {
    precondition(derivative.count % channels == 0, "\(derivative.count) derivatives")
    let scale = standardDeviation.map { 1 / (255 * $0) }
    let total = derivative.count / channels * Image.channels
    return [Float](unsafeUninitializedCapacity: total) { target, count in
      derivative.withUnsafeBufferPointer { source in
        guard channels == Image.channels else {
          for (pixel, value) in source.enumerated() {
            for channel in 0..<Image.channels {
              target[3 * pixel + channel] = value * scale[0] * Normalizer.luma[channel]
            }
          }
          return
        }
        for offset in stride(from: 0, to: source.count, by: Image.channels) {
          for channel in 0..<Image.channels {
            let place = offset + (reverses ? Image.channels - 1 - channel : channel)
            target[place] = source[offset + channel] * scale[channel]
          }
        }
      }
      count = total
    }
  }

  /// - Precondition: `target` has room for every sample.
  func write(_ image: Image, to target: UnsafeMutableBufferPointer<Float>) {
    precondition(target.count >= count(of: image.size), "no room for \(image.size)")
    guard channels == Image.channels else {
      for (pixel, value) in image.luma.enumerated() { target[pixel] = table[Int(value)] }
      return
    }
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
