/// Images of one size with their labels, ready for a network.
public struct Batch: Sendable {
  /// Normalised samples, [batch size, height, width, channels]; zero beyond `validCount`.
  public let images: [Float]
  public let imageSize: ImageSize
  /// [batch size]; zero beyond `validCount`.
  public let labels: [Int32]
  /// The samples' positions in the source, [validCount].
  public let indices: [Int]
  /// How many of the images are real; they come first.
  public let validCount: Int
  /// Where in its order the batch stands.
  public let position: BatchPosition
}

/// Which of equal parts of a batch: the images of every batch are shared by `count` loaders, in order.
public struct BatchPart: Hashable, Sendable {
  public let index: Int
  public let count: Int

  /// - Precondition: 0 ≤ index < count.
  public init(_ index: Int, of count: Int) {
    precondition((0..<count).contains(index), "part \(index) of \(count)")
    (self.index, self.count) = (index, count)
  }

  public static let whole = BatchPart(0, of: 1)
}

/// A place in the order of batches.
public struct BatchPosition: Codable, Hashable, Sendable {
  /// Passes over the whole set before this one; 0 in evaluation.
  public var epoch: Int
  /// Batches of this epoch before this one.
  public var batch: Int

  public init(epoch: Int = 0, batch: Int = 0) {
    self.epoch = epoch
    self.batch = batch
  }

  public static let start = BatchPosition()
}

/// An image that could not be read and was omitted.
public struct SkippedImage: Codable, Hashable, Sendable {
  /// Its position in the source; `nil` for a file that the source passes over.
  public let index: Int?
  public let name: String
  public let reason: String

  public init(index: Int?, name: String, reason: String) {
    self.index = index
    self.name = name
    self.reason = reason
  }
}
