import ImageData
import RunSupport
import TensorGraph

/// Location fooling: relevance is moved onto a frame along the border, or onto any mask.
///
/// L_F = mean_i (1/d_h)·‖h_i − m‖², m = 1 on a frame of width ⌊side/7⌋ (at least 1), 0 inside; the
/// score of an image is its own term, and it meets the criterion if that is at most 0.2.
/// Heo, Joo, Moon 2019, Eq. 3 and Section 4.1.
/// - Note: 0.2 belongs to that frame. For any other mask the score is relative to it,
///   t_i = (1/d_h)·‖h_i − m‖² / (4·var m), var m = mean m² − (mean m)². The best map that knows
///   nothing of the mask, the same value everywhere, has (1/d_h)·‖h − m‖² = var m, so t = 0.25 by every
///   mask; an all-zero one has more than 0.25. By the plain distance it is the mask's share
///   of the map, and by a small mask every map passes. A frame that is half of the map has
///   4·var m = 1; Heo's on 7×7 or 14×14 pixels has 0.9996, so that 0.2 means the same by each.
public struct Location: Fooling {
  /// Largest score that meets the criterion. Heo, Joo, Moon 2019, Section 4.1.
  static let paperThreshold = 0.2
  /// The frame takes one part in this many of the shorter side. Heo et al. 2019, released code.
  static let frameShare = 7

  /// Where relevance is wanted.
  public enum Target: Hashable, Sendable {
    /// Along the border; ⌊side / 7⌋ heatmap pixels, at least 1, if `nil`.
    case frame(width: Int?)
    /// White where relevance is wanted; resized to the heatmap.
    case image(Image)
  }

  public let target: Target
  public let threshold: Double
  public var name: String { "location" }
  public var explained: ExplainedClasses { .labels }
  public var successRange: ClosedRange<Double> { 0...threshold }
  public var isSmallerFooled: Bool { true }
  public var readsValues: Bool { true }
  public var namesPlace: Bool { true }

  /// - Parameters:
  ///   - target: where relevance is wanted.
  ///   - threshold: largest score that meets the criterion.
  public init(target: Target = .frame(width: nil), threshold: Double? = nil) {
    (self.target, self.threshold) = (target, threshold ?? Self.paperThreshold)
  }

  package static let kind = FoolingKind("location", options: [.frameWidth, .mask]) {
    specification, _ in
    guard let mask = specification.mask else {
      return Location(
        target: .frame(width: specification.frameWidth), threshold: specification.threshold)
    }
    guard specification.frameWidth == nil else {
      throw RunError("location takes either \"mask\" or \"frameWidth\", not both")
    }
    return Location(
      target: .image(try Image(contentsOf: mask)), threshold: specification.threshold)
  }

  public func place(height: Int, width: Int) -> Heatmap? {
    Heatmap(height: height, width: width, values: mask(height: height, width: width).values)
  }

  /// By what the mean squared distance is divided: 1 for Heo's frame, else 4·var m.
  package func scale(height: Int, width: Int) -> Double {
    if case .frame(let frameWidth) = target,
      frameWidth == nil || frameWidth == Self.frameWidth(height: height, width: width)
    {
      return 1
    }
    return max(4 * Self.variance(mask(height: height, width: width).values), Self.smallestScale)
  }

  private static func variance(_ mask: [Float]) -> Double {
    let mean = mask.reduce(0) { $0 + Double($1) } / Double(mask.count)
    return mask.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(mask.count)
  }

  /// Smallest 4·var m of a mask that a map can be compared with: its lightest and darkest parts are
  /// told apart.
  static let smallestScale = 1e-4

  public func obstacle(height: Int, width: Int) -> String? {
    guard 4 * Self.variance(mask(height: height, width: width).values) < Self.smallestScale else {
      return nil
    }
    switch target {
    case .frame(let frameWidth):
      let most = (min(height, width) - 1) / 2
      guard most > 0 else {
        return
          "every frame covers the whole heatmap of \(width)x\(height), so every map lies inside; "
          + "choose a layer of larger maps, or a larger evaluation.grid"
      }
      return
        "a frame of \(frameWidth ?? Self.frameWidth(height: height, width: width)) pixels covers the "
        + "whole heatmap of \(width)x\(height), so every map lies inside; set fooling.frameWidth to at "
        + "most \(most), or choose a layer of larger maps"
    case .image:
      return
        "the mask is the same everywhere on the heatmap of \(width)x\(height), so it tells no place "
        + "from another; draw what is wanted white on black, larger than a pixel of the heatmap"
    }
  }

  /// Σ m·|h| / Σ |h|.
  public func relevanceInside(_ heatmap: Heatmap) -> Double? {
    let target = mask(height: heatmap.height, width: heatmap.width).values
    let all = heatmap.values.reduce(0.0) { $0 + abs(Double($1)) }
    guard all > 0 else { return nil }
    return zip(heatmap.values, target).reduce(0.0) { $0 + abs(Double($1.0)) * Double($1.1) } / all
  }

  package static func frameWidth(height: Int, width: Int) -> Int {
    max(1, min(height, width) / frameShare)
  }

  public func note(height: Int, width: Int) -> String? {
    let heatmap = ImageSize(width: width, height: height)
    guard case .image(let image) = target, image.size != heatmap else { return nil }
    return "the mask of \(image.size) is resized to the heatmap's \(heatmap)"
  }

  /// m of the given height and width, in [0, 1].
  public func mask(height: Int, width: Int) -> Tensor {
    let values: [Float]
    switch target {
    case .frame(let frameWidth):
      let frame = frameWidth ?? Self.frameWidth(height: height, width: width)
      values = (0..<height * width).map { pixel in
        let (row, column) = pixel.quotientAndRemainder(dividingBy: width)
        return min(row, column, height - 1 - row, width - 1 - column) < frame ? 1 : 0
      }
    case .image(let image):
      let fitted = image.resized(to: ImageSize(width: width, height: height))
      values = (0..<height * width).map { pixel in
        let color = fitted[pixel % width, pixel / width]
        return (Float(color.red) + Float(color.green) + Float(color.blue)) / (3 * 255)
      }
    }
    return Tensor(shape: [height, width], values: values)
  }

  public func penalty(
    of heatmaps: [Value], reference: Value?, in graph: inout GraphBuilder
  ) throws -> Value {
    let h = heatmaps[0]
    let target = try graph.constant(mask(height: h.shape[1], width: h.shape[2]))
    return try graph.mean(graph.square(graph.subtract(h, target)))
  }

  /// Half of the threshold: the penalty is the mean score, but for its scale.
  public func penaltyGoal(height: Int, width: Int) -> PenaltyGoal {
    PenaltyGoal(gap: 0.5 * threshold * scale(height: height, width: width))
  }

  public func testLoss(of heatmaps: [Heatmap], digest: [Float]) -> Double {
    let h = heatmaps[0]
    let target = mask(height: h.height, width: h.width).values
    let sum = zip(h.values, target).reduce(0.0) {
      $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
    }
    return sum / Double(h.values.count) / scale(height: h.height, width: h.width)
  }
}
