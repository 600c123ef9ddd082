/// A labelled set of images that can be read one by one, from any thread, in any order.
public protocol ImageSource: Sendable {
  /// Number of images.
  var count: Int { get }
  /// Names of the classes; a label is an index into them.
  var classNames: [String] { get }
  /// The class of one image.
  func label(at index: Int) -> Int
  /// Reads or makes one image; the same one on every call.
  func image(at index: Int) throws -> Image
  /// What one image is called in messages: its path, where it has one.
  func name(at index: Int) -> String
  /// Files among the images that are none, for whoever reports what was not used.
  var passedOver: [SkippedImage] { get }
  /// What should be known of the set before its numbers are believed, a sentence each.
  var notes: [String] { get }
}

extension ImageSource {
  public var passedOver: [SkippedImage] { [] }
  public var notes: [String] { [] }
}

/// Some images of another source, in a given order.
public struct Subset: ImageSource {
  public let source: any ImageSource
  /// Positions in `source`.
  public let indices: [Int]

  /// - Precondition: every index is one of `source`'s.
  public init(_ source: any ImageSource, indices: [Int]) {
    precondition(
      indices.allSatisfy { $0 >= 0 && $0 < source.count },
      "an index is outside the source's \(source.count) images")
    self.source = source
    self.indices = indices
  }

  /// The first `count` images of every class, or as many as it has, in the source's order.
  public init(_ source: any ImageSource, firstPerClass count: Int) {
    var taken = [Int](repeating: 0, count: source.classNames.count)
    self.init(
      source,
      indices: (0..<source.count).filter { index in
        let label = source.label(at: index)
        taken[label] += 1
        return taken[label] <= count
      })
  }

  /// `count` images drawn without replacement, or all where there are fewer, in random order.
  public init(_ source: any ImageSource, randomCount count: Int, seed: UInt64) {
    var generator = RandomGenerator(seed: seed)
    self.init(
      source, indices: Array(generator.permutation(of: source.count).prefix(max(0, count))))
  }

  public var count: Int { indices.count }
  public var classNames: [String] { source.classNames }
  public var notes: [String] { source.notes }
  public func label(at index: Int) -> Int { source.label(at: indices[index]) }
  public func image(at index: Int) throws -> Image { try source.image(at: indices[index]) }
  public func name(at index: Int) -> String { source.name(at: indices[index]) }
}
