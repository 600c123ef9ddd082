import Foolings
import ImageData
import TensorRuntime

/// What the penalty needs of the original network's heatmaps, computed once per image and kept.
public final class OriginalExplanations {
  /// Bytes of digests that are kept; images beyond are explained anew each time.
  package static let capacity = 2 << 30

  private struct Key: Hashable {
    let index: Int
    /// Of the prepared image: a flipped image is another image.
    let content: Int
    let label: Int32
  }

  private let program: EvaluationProgram
  private let fooling: any Fooling
  private let comparisons: [HeatmapComparison]
  /// By interpreter.
  private var digests: [Key: [[Float]]] = [:]
  private var bytes = 0
  /// Images that had to be explained so far.
  public private(set) var computed = 0
  /// Images whose explanation was already there.
  public private(set) var reused = 0

  /// Memory that explaining a batch needs beside the parameters.
  package var plannedPeakBytes: Int { program.plannedPeakBytes }

  /// - Parameters:
  ///   - fooling: says what it needs of a heatmap.
  ///   - program: of the original network, with the interpreters that are fooled.
  ///   - grid: on which heatmaps are compared.
  public init(
    _ program: EvaluationProgram, fooling: any Fooling, grid: EvaluationGrid = .fooled
  ) {
    (self.program, self.fooling) = (program, fooling)
    comparisons = program.test(fooling, grid: grid).comparisons
  }

  /// By interpreter: the reference of every image of a batch, one after the other.
  /// - Precondition: the batch is one of the program's size.
  public func references(for batch: Batch) throws -> [[Float]] {
    let digests = try digests(for: batch)
    return comparisons.enumerated().map { index, comparison in
      let grid = comparison.grid
      return digests.flatMap {
        fooling.reference($0[index], height: grid.height, width: grid.width)
      }
    }
  }

  /// By interpreter: what the rows of every image of a batch are to show, all clean images first, then all
  /// with the first trigger, and so on.
  /// - Precondition: the batch is one of the program's size.
  package func references(
    for batch: Batch, under triggers: TriggerFooling
  ) throws -> [[Float]] {
    let digests = try digests(for: batch)
    return comparisons.enumerated().map { index, comparison in
      let grid = comparison.grid
      let rows = digests.map {
        triggers.rows($0[index], height: grid.height, width: grid.width)
      }
      return (0..<triggers.copies).flatMap { copy in rows.flatMap { $0[copy] } }
    }
  }

  /// By image, then by interpreter.
  private func digests(for batch: Batch) throws -> [[[Float]]] {
    let samples = batch.images.count / program.batchSize
    let keys = batch.indices.enumerated().map { place, index in
      var hasher = Hasher()
      batch.images.withUnsafeBytes { raw in
        let width = samples * MemoryLayout<Float>.stride
        hasher.combine(
          bytes: UnsafeRawBufferPointer(rebasing: raw[place * width..<(place + 1) * width]))
      }
      return Key(index: index, content: hasher.finalize(), label: batch.labels[place])
    }
    var found = keys.map { digests[$0] }
    reused += found.count { $0 != nil }
    if found.contains(where: { $0 == nil }) {
      let maps = try program.explain(
        (batch.images, batch.labels), identities: batch.indices, fooling.explained)
      for (place, key) in keys.enumerated() where found[place] == nil {
        let own = zip(maps, comparisons).map { maps, comparison in
          fooling.digest(maps[place].map { comparison($0.defined) })
        }
        found[place] = own
        computed += 1
        if bytes < Self.capacity {
          digests[key] = own
          bytes += own.reduce(0) { $0 + $1.count } * MemoryLayout<Float>.stride
        }
      }
    }
    return found.map { $0! }
  }
}
