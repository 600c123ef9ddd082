/// Processes that do one run together: each computes its part of every batch, and all of them have
/// the same parameters.
///
/// They make the same calls in the same order. A call waits for those of the others.
public protocol ProcessGroup: AnyObject, Sendable {
  /// Of this process, from 0.
  var rank: Int { get }
  var count: Int { get }

  /// Replaces values by their sums over all processes: the same bytes in each of them.
  func sum(_ values: UnsafeMutableBufferPointer<Float>) throws(ExecutionError)

  /// What every process gives, by rank.
  func gather(_ bytes: [UInt8]) throws(ExecutionError) -> [[UInt8]]
}

extension ProcessGroup {
  /// Replaces values by their means over all processes.
  public func average(_ values: UnsafeMutableBufferPointer<Float>) throws(ExecutionError) {
    try sum(values)
    let divisor = Float(count)
    for index in values.indices { values[index] /= divisor }
  }

  /// Whether it is so in any process.
  public func isAnywhere(_ isHere: Bool) throws(ExecutionError) -> Bool {
    try gather([isHere ? 1 : 0]).contains([1])
  }

  /// Compares bytes that are meant to be the same everywhere.
  /// - Returns: the first process whose bytes differ from those of the process 0.
  public func firstDifference(_ bytes: [UInt8]) throws(ExecutionError) -> Int? {
    let all = try gather(bytes)
    return all.firstIndex { $0 != all[0] }
  }
}

extension Executor {
  /// Images of a batch that this process computes; the first of them is number `rank` times that.
  /// - Throws: `ExecutionError` if the processes cannot have as many each.
  public func share(ofBatch size: Int) throws(ExecutionError) -> Int {
    let count = group?.count ?? 1
    guard size % count == 0 else {
      throw ExecutionError(
        "training.batchSize is \(size), which \(count) processes cannot share equally; "
          + "expected a multiple of \(count)")
    }
    return size / count
  }
}
