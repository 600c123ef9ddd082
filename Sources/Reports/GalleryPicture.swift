import Foundation
import ImageData
import Pictures

/// One image with what both networks say of it and why.
public struct GalleryPicture: Codable, Hashable, Sendable {
  public struct Prediction: Codable, Hashable, Sendable {
    /// The class of the largest logit, and the network's confidence in it, in [0, 1].
    public var className: String
    public var confidence: Double
    public init(className: String, confidence: Double) {
      (self.className, self.confidence) = (className, confidence)
    }
  }
  /// One network's heatmaps and score by one interpreter.
  public struct Explanation: Codable, Hashable, Sendable {
    public var interpreter: String
    /// The class that is explained.
    public var className: String
    public var original: HeatmapGrid
    public var manipulated: HeatmapGrid
    public var originalLoss: Double
    public var manipulatedLoss: Double
    public init(
      interpreter: String, className: String, original: HeatmapGrid, manipulated: HeatmapGrid,
      originalLoss: Double, manipulatedLoss: Double
    ) {
      (self.interpreter, self.className) = (interpreter, className)
      (self.original, self.manipulated) = (original, manipulated)
      (self.originalLoss, self.manipulatedLoss) = (originalLoss, manipulatedLoss)
    }
  }

  /// What the image is called, e.g. its path.
  public var name: String
  /// Its class; `nil` if it shows several.
  public var label: String?
  public var photograph: GalleryImage
  public var original: Prediction
  public var manipulated: Prediction
  /// Confidence in the label, in [0, 1]; `nil` without a label.
  public var labelConfidence: Double?
  public var manipulatedLabelConfidence: Double?
  public var explanations: [Explanation]

  public init(
    name: String, label: String?, photograph: GalleryImage, original: Prediction,
    manipulated: Prediction, labelConfidence: Double?, manipulatedLabelConfidence: Double?,
    explanations: [Explanation]
  ) {
    (self.name, self.label, self.photograph) = (name, label, photograph)
    (self.original, self.manipulated) = (original, manipulated)
    self.labelConfidence = labelConfidence
    self.manipulatedLabelConfidence = manipulatedLabelConfidence
    self.explanations = explanations
  }
}

/// How much a picture may add to a report: 64 of them stay under 8 MB.
public enum GalleryBudget {
  /// Longest side of images in pixels.
  static let imageSide = 224
  /// Bytes of a JPEG, which Base64 makes a third longer.
  static let imageBytes = 42_000
  /// Bytes of all heatmaps of a picture.
  static let heatmapBytes = 40_000
  /// Longest side of heatmaps, in pixels; also that of maps at the input.
  static let longestSide = 56
  static let shortestSide = 7

  /// Longest side of each of `count` heatmaps of a picture.
  public static func heatmapSide(count: Int) -> Int {
    let side = (Double(heatmapBytes) / Double(max(1, count))).squareRoot()
    return min(longestSide, max(shortestSide, Int(side)))
  }
}

/// A small JPEG.
public struct GalleryImage: Codable, Hashable, Sendable {
  public var width: Int
  public var height: Int
  public var jpeg: Data

  /// Of the quality that keeps to the budget.
  public init(_ image: Image) {
    let scale = Double(GalleryBudget.imageSide) / Double(max(image.width, image.height))
    let small =
      scale < 1
      ? image.resized(
        to: ImageSize(
          width: max(1, Int(Double(image.width) * scale)),
          height: max(1, Int(Double(image.height) * scale)))) : image
    (width, height) = (small.width, small.height)
    var data = small.jpeg(quality: 85)
    for quality in [70, 50, 30] where data.count > GalleryBudget.imageBytes {
      data = small.jpeg(quality: quality)
    }
    jpeg = data
  }
}

/// A heatmap in 256 levels, for a page that colours it.
public struct HeatmapGrid: Codable, Hashable, Sendable {
  public var width: Int
  public var height: Int
  /// Whether level 128 is zero relevance, and smaller ones are negative.
  public var isSigned: Bool
  /// Row by row. Of unsigned maps 0 is no relevance and 255 the scale's limit.
  public var levels: Data

  /// - Parameters:
  ///   - isSigned: whether its colours are diverging.
  ///   - heatmap: no larger than `GalleryBudget.heatmapSide`.
  public init(_ heatmap: Heatmap, isSigned: Bool) {
    let map = heatmap.finite
    let scale = HeatmapScale(of: map, isSigned: isSigned)
    (width, height, self.isSigned) = (map.width, map.height, isSigned)
    levels = Data(
      map.values.map { value in
        let level = scale(value)
        return UInt8((isSigned ? 128 + 127 * level : 255 * level).rounded())
      })
  }
}
