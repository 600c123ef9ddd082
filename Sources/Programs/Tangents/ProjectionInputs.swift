import Explanations
import RunSupport
import TensorRuntime

extension [any Interpreter] {
  /// Each projection once.
  package var distinctProjections: [TangentProjection] {
    flatMap(\.projections).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }
}

extension [String: ProgramInput] {
  /// Adds the bases of a batch's tangent spaces.
  /// - Parameters:
  ///   - projections: each once.
  ///   - images: as the network sees them.
  ///   - classes: of each image, whose training images are its neighbours.
  ///   - valid: so many images count; those beyond them get no basis.
  package mutating func add(
    _ projections: [TangentProjection], of images: [Float], classes: [Int32], valid: Int
  ) throws {
    guard !projections.isEmpty, !classes.isEmpty else { return }
    let size = images.count / classes.count
    for projection in projections {
      guard let source = projection.source else {
        throw RunError("projected: no training images are given, so there are no tangent spaces")
      }
      var bases = try source.bases(
        of: Array(images[..<(valid * size)]), classes: Array(classes[..<valid]),
        neighbours: projection.neighbours, dimensions: projection.dimensions)
      bases += repeatElement(0, count: images.count * projection.dimensions - bases.count)
      self[projection.placeholder] = .floats(bases)
    }
  }
}
