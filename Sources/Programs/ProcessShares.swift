import Foundation
import ImageData
import RunSupport
import TensorRuntime

extension Executor {
  /// Of every batch, that this process computes.
  package var batchPart: BatchPart {
    group.map { BatchPart($0.rank, of: $0.count) } ?? .whole
  }

  /// Whether this process tells and writes.
  package var isFirst: Bool { (group?.rank ?? 0) == 0 }
}

/// Where the rows of a step's program stand among those that one process would compute: what is drawn at
/// random for a row is the same whoever computes it.
struct BatchRows {
  private let copies: Int
  private let share: Int
  private let part: BatchPart

  /// - Parameters:
  ///   - count: of the rows that are computed here.
  ///   - copies: how often each image of a batch is a row: all of them once, then all once more.
  ///   - part: of the batch, that is computed here.
  init(count: Int, copies: Int = 1, part: BatchPart) {
    (self.copies, share, self.part) = (copies, count / copies, part)
  }

  var positions: [Int] {
    (0..<copies).flatMap { copy -> Range<Int> in
      let first = (copy * part.count + part.index) * share
      return first..<first + share
    }
  }

  /// As many values of a row as there are rows, of those that are drawn one after the other for all.
  /// - Parameters:
  ///   - count: values of all rows that are computed here.
  ///   - draws: numbers that a value takes of the generator.
  func drawn(
    _ count: Int, draws: Int = 1, from random: inout RandomGenerator,
    _ value: (inout RandomGenerator) -> Float
  ) -> [Float] {
    let part = count / copies
    var values: [Float] = []
    values.reserveCapacity(count)
    for _ in 0..<copies {
      random.skip(self.part.index * part * draws)
      for _ in 0..<part { values.append(value(&random)) }
      random.skip((self.part.count - 1 - self.part.index) * part * draws)
    }
    return values
  }
}

extension ProcessGroup {
  /// What every process gives, by rank; numbers that are not finite included.
  package func gather<Value: Codable>(values value: Value) throws -> [Value] {
    // Not every version of JSON has values that are no lists.
    return try gather(Array(JSONEncoder.nonFinite.encode([value]))).map {
      try JSONDecoder.nonFinite.decode([Value].self, from: Data($0))[0]
    }
  }

  /// Images that any of the processes could not read, in their order.
  /// - Parameters:
  ///   - images: of this process.
  ///   - passedOver: how many of them every process sees.
  package func joined(
    skipped images: some Sequence<SkippedImage>, passedOver: Int
  ) throws -> [SkippedImage] {
    let all = try gather(values: Array(images))
    return all[0].prefix(passedOver)
      + Set(all.flatMap { $0.dropFirst(passedOver) })
      .sorted { ($0.index ?? -1, $0.name) < ($1.index ?? -1, $1.name) }
  }
}
