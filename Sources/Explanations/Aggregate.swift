import Networks
import TensorGraph

/// h = (1/m) Σ_i r_i / (Σ r_i + 1e-12) with r_i the relevance of the i-th of m methods, without what is
/// negative: a distribution over pixels, [N, h, w].
///
/// Rieger and Hansen 2020: who wants to move a mean of several explanations has to move each of them.
/// Maps of different sizes are brought to the smallest height and width among them, by means over areas.
/// A map without positive relevance counts as 0.
public struct Aggregate: Interpreter {
  static let stabilizer = 1e-12  // As `SimpleGrad`.
  static let partRange = 2...16

  public let parts: [any Interpreter]
  public var name: String { "aggregate" }
  public var range: HeatmapRange { .nonNegative }
  public var keptActivations: Set<String> {
    parts.reduce(into: []) { $0.formUnion($1.keptActivations) }
  }
  public var projections: [TangentProjection] {
    parts.flatMap(\.projections).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  /// - Precondition: none is a mean over samples: those are not computed in one graph.
  public init(of parts: [any Interpreter]) {
    precondition(!parts.contains { $0 is any SampledInterpreter }, "a mean over samples in a mean")
    self.parts = parts
  }

  static let kind = InterpreterKind("aggregate", options: [.of]) {
    (specification) throws(NetworkError) in
    let of = specification.of ?? []
    guard partRange.contains(of.count) else {
      throw NetworkError(
        "aggregate needs \"of\": \(partRange.lowerBound) to \(partRange.upperBound) explanations, "
          + "e.g. [grad-cam@layer4, simple-grad]; \(of.count) given")
    }
    var parts: [any Interpreter] = []
    for (place, part) in of.enumerated() {
      guard !of[..<place].contains(part) else {
        throw NetworkError("aggregate: of has \(part.name) twice with the same options")
      }
      let interpreter = try part.interpreter()
      guard !(interpreter is any SampledInterpreter) else {
        throw NetworkError(
          "aggregate: \(part.name) is itself a mean over samples, and of takes single-pass methods")
      }
      guard !(interpreter is Aggregate) else {
        throw NetworkError("aggregate: of names aggregate; name the explanations themselves")
      }
      parts.append(interpreter)
    }
    return Aggregate(of: parts)
  }

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    var maps = try parts.map { part in
      let map = try part.heatmap(of: network, classes: classes, in: &graph)
      return part.range == .signed ? try graph.relu(map) : map
    }
    let height = maps.map { $0.shape[1] }.min() ?? 1
    let width = maps.map { $0.shape[2] }.min() ?? 1
    var total: Value?
    for index in maps.indices {
      maps[index] = try graph.averaged(maps[index], height: height, width: width)
      let sum = try graph.sum(maps[index], axes: [1, 2])
      let share = try graph.divide(maps[index], graph.add(sum, Self.stabilizer))
      total = try total.map { try graph.add($0, share) } ?? share
    }
    guard let total else { preconditionFailure("at least one explanation") }
    return try graph.multiply(total, 1 / Double(maps.count))
  }
}

extension GraphBuilder {
  /// The mean by area over each cell of a grid that covers a map, [N, h, w] to [N, height, width]: a pixel
  /// counts in a cell by the part of it that lies there.
  mutating func averaged(
    _ maps: Value, height: Int, width: Int
  ) throws(ShapeError) -> Value {
    guard maps.shape[1] != height || maps.shape[2] != width else { return maps }
    let wide = try rowsAveraged(maps, onto: width)
    let turned = try rowsAveraged(transpose(wide, [0, 2, 1]), onto: height)
    return try transpose(turned, [0, 2, 1])
  }

  /// [N, h, w] to [N, h, count].
  private mutating func rowsAveraged(_ maps: Value, onto count: Int) throws(ShapeError) -> Value {
    let (images, height, width) = (maps.shape[0], maps.shape[1], maps.shape[2])
    guard width != count else { return maps }
    let step = Double(width) / Double(count)
    var weights = [Float](repeating: 0, count: count * width)
    for cell in 0..<count {
      let (begin, end) = (Double(cell) * step, Double(cell + 1) * step)
      for pixel in Int(begin)..<min(width, Int(end.rounded(.up))) {
        let covered = min(end, Double(pixel + 1)) - max(begin, Double(pixel))
        weights[cell * width + pixel] = Float(max(covered, 0) / step)
      }
    }
    let matrix = try constant(Tensor(shape: [count, width], values: weights))
    let product = try matrixProduct(
      reshape(maps, to: [images * height, width]), matrix, transposesRight: true)
    return try reshape(product, to: [images, height, count])
  }
}
