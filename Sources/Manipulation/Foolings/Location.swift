import TensorGraph

/// Location fooling: relevance is moved onto a frame along the border.
///
/// L_F = mean_i (1/d_h)·‖h_i − m‖², m = 1 on a frame of width ⌊side/7⌋ (at least 1), 0 inside; the
/// test loss of an image is its own term, and it is fooled if that is at most 0.2.
/// Heo, Joo, Moon 2019, Eq. 3 and Section 4.1.
public struct Location: Fooling {
  /// Largest test loss that counts as fooled. Heo, Joo, Moon 2019, Section 4.1.
  static let paperThreshold = 0.2
  /// The frame takes one part in this many of the shorter side. Heo et al. 2019, released code.
  static let frameShare = 7

  public let frameWidth: Int?
  public let threshold: Double
  public var name: String { "location" }
  public var successRange: ClosedRange<Double> { 0...threshold }

  /// - Parameters:
  ///   - frameWidth: in heatmap pixels; ⌊side / 7⌋, at least 1, if `nil`.
  ///   - threshold: largest test loss that counts as fooled.
  public init(frameWidth: Int? = nil, threshold: Double? = nil) {
    (self.frameWidth, self.threshold) = (frameWidth, threshold ?? Self.paperThreshold)
  }

  static let kind = FoolingKind("location") {
    Location(frameWidth: $0.frameWidth, threshold: $0.threshold)
  }

  /// m of the given height and width: 1 on the frame, 0 inside.
  public func mask(height: Int, width: Int) -> Tensor {
    let frame = frameWidth ?? max(1, min(height, width) / Self.frameShare)
    var values: [Float] = []
    for row in 0..<height {
      for column in 0..<width {
        let edge = min(row, column, height - 1 - row, width - 1 - column)
        values.append(edge < frame ? 1 : 0)
      }
    }
    return Tensor(shape: [height, width], values: values)
  }

  public func penalty(of heatmaps: Value, in graph: inout GraphBuilder) throws -> Value {
    try graph.mean(testLosses(of: heatmaps, in: &graph))
  }

  public func testLosses(of heatmaps: Value, in graph: inout GraphBuilder) throws -> Value {
    let target = try graph.constant(mask(height: heatmaps.shape[1], width: heatmaps.shape[2]))
    let squares = try graph.square(graph.subtract(heatmaps, target))
    return try graph.reshape(graph.mean(squares, axes: [1, 2]), to: [heatmaps.shape[0]])
  }
}
