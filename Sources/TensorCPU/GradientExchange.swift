import Dispatch
import TensorGraph
import TensorRuntime

/// Averages over several processes what a step's update reads, while the rest of the step is computed.
///
/// Gradients are exchanged in buckets, each when the last kernel that touches one of them is done.
/// Buckets and their order are the same in every process; that is compared when they are made.
final class GradientExchange {
  /// Floats of a bucket: few enough to stay in a cache, and enough that the time of a message, which has a
  /// process's part of them, is that of its bytes.
  private static func bucketSize(_ processes: Int) -> Int { max(1 << 20, processes << 14) }

  private struct Bucket {
    var arrays: [UnsafeMutableBufferPointer<Float>]
    /// Numbers of the outputs that they are.
    var outputs: [Int] = []
    /// After which no kernel reads or writes them.
    var lastStep: Int
    var count: Int
  }

  /// What the thread that exchanges works with. `@unchecked`: its queue is serial, and whoever has
  /// queued work waits for it before looking.
  private final class Worker: @unchecked Sendable {
    let group: any ProcessGroup
    var failure: ExecutionError?
    /// Where the arrays of a bucket stand together.
    private let staging: UnsafeMutableBufferPointer<Float>

    init(_ group: any ProcessGroup, room: Int) {
      self.group = group
      staging = .allocate(capacity: room)
      staging.initialize(repeating: 0)
    }

    deinit { staging.deallocate() }

    func average(_ bucket: Bucket) {
      guard failure == nil else { return }
      do throws(ExecutionError) {
        guard bucket.arrays.count > 1 else { return try group.average(bucket.arrays[0]) }
        let together = UnsafeMutableBufferPointer(rebasing: staging[0..<bucket.count])
        var start = 0
        for array in bucket.arrays {
          (together.baseAddress! + start).update(from: array.baseAddress!, count: array.count)
          start += array.count
        }
        try group.average(together)
        start = 0
        for array in bucket.arrays {
          array.baseAddress!.update(from: together.baseAddress! + start, count: array.count)
          start += array.count
        }
      } catch { failure = error }
    }
  }

  /// `@unchecked`: nobody else touches the arrays until the exchange is over.
  private struct Work: @unchecked Sendable {
    let bucket: Bucket
  }

  private let worker: Worker
  private let queue = DispatchQueue(label: "gradient-exchange")
  private let buckets: [Bucket]
  private var begun = 0

  /// - Throws: `ExecutionError` if another process has other buckets.
  init(
    of program: CPUProgram, _ update: StepUpdate, group: any ProcessGroup
  ) throws(ExecutionError) {
    let buckets = Self.buckets(of: program, update, size: Self.bucketSize(group.count))
    let room = buckets.reduce(0) { $1.arrays.count > 1 ? max($0, $1.count) : $0 }
    (self.buckets, worker) = (buckets, Worker(group, room: room))
    let text = buckets.map { "\($0.outputs) \($0.arrays.map(\.count))" }.joined(separator: " ")
    if let rank = try group.firstDifference(Array(text.utf8)) {
      throw ExecutionError(
        "process \(rank) computes another program than process 0; start all of them with the same "
          + "version and recipe, on processors with the same instructions")
    }
  }

  private static func buckets(
    of program: CPUProgram, _ update: StepUpdate, size: Int
  ) -> [Bucket] {
    let (computation, plan) = (program.computation, program.plan)
    var names = Set(update.guarded + update.gradients.values + update.assignments.values)
    // What is told of a step: losses and shares.
    names.formUnion(
      computation.outputs.filter {
        computation.node(of: $0)!.shape == .scalar && computation.node(of: $0)!.type == .float32
      })
    var lastTouch: [Int: Int] = [:]
    for (position, step) in program.steps.enumerated() {
      let kernel = plan.kernels[step.kernel]
      for storage in kernel.reads + kernel.writes { lastTouch[storage] = position }
    }
    var arrays: [(lastStep: Int, index: Int, values: UnsafeMutableBufferPointer<Float>)] = []
    var known: Set<Int> = []
    for index in names.map({ computation.index(of: $0)! }).sorted() {
      let storage = plan.storage[plan.graph.outputs[index]]
      // What no kernel computes is the same everywhere.
      guard known.insert(storage).inserted, let last = lastTouch[storage] else { continue }
      arrays.append(
        (last, index, program.withOutput(index) { UnsafeMutableBufferPointer(mutating: $0) }))
    }
    var buckets: [Bucket] = []
    for (last, index, values) in arrays.sorted(by: { ($0.0, $0.1) < ($1.0, $1.1) }) {
      if let open = buckets.last, open.count + values.count <= size {
        buckets[buckets.count - 1].arrays.append(values)
        buckets[buckets.count - 1].outputs.append(index)
        buckets[buckets.count - 1].count += values.count
        buckets[buckets.count - 1].lastStep = last
      } else {
        buckets.append(
          Bucket(arrays: [values], outputs: [index], lastStep: last, count: values.count))
      }
    }
    return buckets
  }

  deinit { queue.sync {} }

  /// Begins to exchange what is computed after a step of the program.
  func finished(step: Int) {
    while begun < buckets.count, buckets[begun].lastStep <= step { exchangeNext() }
  }

  private func exchangeNext() {
    let work = Work(bucket: buckets[begun])
    begun += 1
    queue.async { [worker] in worker.average(work.bucket) }
  }

  /// Waits until all is exchanged.
  func wait() throws(ExecutionError) {
    while begun < buckets.count { exchangeNext() }
    queue.sync {}
    begun = 0
    if let failure = worker.failure { throw failure }
  }

  /// Gradients that were summed up over several runs.
  func average(_ store: ParameterStore, names: [String]) throws(ExecutionError) {
    for name in names {
      store.withValues(of: name) {
        worker.average(Bucket(arrays: [$0], lastStep: 0, count: $0.count))
      }
    }
    if let failure = worker.failure { throw failure }
  }
}
