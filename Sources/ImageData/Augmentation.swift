import Foundation

/// Random changes to training images that leave their class alone.
public struct Augmentation: Codable, Hashable, Sendable {
  /// What part of the image is taken.
  public enum Crop: Codable, Hashable, Sendable {
    /// What `Preprocessing` gives.
    case none
    /// Instead of `Preprocessing`'s resizing and centre crop: a rectangle with this share of the
    /// image's area and this ratio of width to height, resized to the output size. torchvision's
    /// `RandomResizedCrop`, after Szegedy et al. 2014.
    case randomResized(scale: ClosedRange<Double>, ratio: ClosedRange<Double>)
    /// After `Preprocessing`: a black border of `padding` pixels, then a random crop of the
    /// output size. The CIFAR convention is 4 (He et al. 2016).
    case padded(padding: Int)
  }

  public var crop: Crop
  /// Probability that left and right are exchanged.
  public var flipProbability: Double

  public init(crop: Crop, flipProbability: Double) {
    self.crop = crop
    self.flipProbability = flipProbability
  }

  public static let none = Augmentation(crop: .none, flipProbability: 0)
  public static let flip = Augmentation(crop: .none, flipProbability: 0.5)

  /// torchvision's `RandomResizedCrop` with its default ranges, and a flip.
  public static func randomResizedCrop(
    scale: ClosedRange<Double> = 0.08...1, ratio: ClosedRange<Double> = 3.0 / 4...4.0 / 3,
    flipProbability: Double = 0.5
  ) -> Augmentation {
    Augmentation(
      crop: .randomResized(scale: scale, ratio: ratio), flipProbability: flipProbability)
  }

  public static func padAndCrop(_ padding: Int = 4, flipProbability: Double = 0.5) -> Augmentation {
    Augmentation(crop: .padded(padding: padding), flipProbability: flipProbability)
  }

  /// An augmentation that cannot be carried out.
  public struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
  }

  /// - Throws: `Invalid` when a probability or share is outside [0, 1] or a range or padding
  ///   makes no sense.
  public func validate() throws(Invalid) {
    guard flipProbability >= 0, flipProbability <= 1 else {
      throw Invalid(description: "flipProbability is \(flipProbability), expected 0 to 1")
    }
    switch crop {
    case .none: break
    case .randomResized(let scale, let ratio):
      guard scale.lowerBound > 0, scale.upperBound <= 1 else {
        throw Invalid(
          description: "randomResized.scale is \(scale), expected shares above 0 and up to 1")
      }
      guard ratio.lowerBound > 0, ratio.upperBound.isFinite else {
        throw Invalid(description: "randomResized.ratio is \(ratio), expected positive numbers")
      }
    case .padded(let padding):
      guard (0...Augmentation.largestPadding).contains(padding) else {
        throw Invalid(
          description:
            "padded.padding is \(padding), expected 0 to \(Augmentation.largestPadding) pixels")
      }
    }
  }

  /// More border than this would be more border than picture at any usual size.
  public static let largestPadding = 256

  /// The image as `preprocessing` wants it, changed at random.
  /// - Parameter size: the size to give; `preprocessing`'s output size for this image when `nil`.
  func prepare(
    _ image: Image, with preprocessing: Preprocessing, name: String,
    size: ImageSize? = nil, using generator: inout RandomGenerator
  ) throws(ImageError) -> Image {
    var result: Image
    switch crop {
    case .none:
      result = try preprocessing.prepare(image, name: name)
    case .randomResized(let scale, let ratio):
      let part = Augmentation.randomPart(
        of: image.size, scale: scale, ratio: ratio, using: &generator)
      result = image.cropped(x: part.x, y: part.y, to: part.size)
        .resized(to: size ?? preprocessing.outputSize(of: image.size))
    case .padded(let padding):
      let prepared = try preprocessing.prepare(image, name: name)
      let x = generator.integer(below: 2 * padding + 1)
      let y = generator.integer(below: 2 * padding + 1)
      result = prepared.padded(by: padding).cropped(x: x, y: y, to: prepared.size)
    }
    if generator.uniform() < flipProbability { result = result.flippedHorizontally() }
    return result
  }

  /// torchvision's `RandomResizedCrop.get_params`: area uniform, ratio log-uniform, ten attempts,
  /// then the largest central part whose ratio is allowed.
  private static func randomPart(
    of source: ImageSize, scale: ClosedRange<Double>, ratio: ClosedRange<Double>,
    using generator: inout RandomGenerator
  ) -> (x: Int, y: Int, size: ImageSize) {
    func length(_ value: Double) -> Int { Int(value.rounded(.toNearestOrEven)) }
    let attempts = 10
    for _ in 0..<attempts {
      let area = Double(source.area) * generator.uniform(in: scale)
      let aspect = exp(generator.uniform(in: log(ratio.lowerBound)...log(ratio.upperBound)))
      let width = (area * aspect).squareRoot().rounded(.toNearestOrEven)
      let height = (area / aspect).squareRoot().rounded(.toNearestOrEven)
      if width >= 1, width <= Double(source.width), height >= 1, height <= Double(source.height) {
        let size = ImageSize(width: Int(width), height: Int(height))
        let y = generator.integer(below: source.height - size.height + 1)
        let x = generator.integer(below: source.width - size.width + 1)
        return (x, y, size)
      }
    }
    var size = source
    let sourceRatio = Double(source.width) / Double(source.height)
    if sourceRatio < ratio.lowerBound {
      size.height = max(1, length(Double(source.width) / ratio.lowerBound))
    } else if sourceRatio > ratio.upperBound {
      size.width = max(1, length(Double(source.height) * ratio.upperBound))
    }
    return ((source.width - size.width) / 2, (source.height - size.height) / 2, size)
  }
}
