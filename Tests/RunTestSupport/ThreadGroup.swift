import Foundation
import TensorRuntime

/// A group of processes as threads of this one. As with MPI, one that fails ends the others.
public final class ThreadGroup: ProcessGroup {
  /// What the members share. `@unchecked`: all is read and written under `condition`.
  private final class Meeting: @unchecked Sendable {
    let count: Int
    private let condition = NSCondition()
    private var given: [Int: [UInt8]] = [:]
    private var round = 0
    private var taken: [[UInt8]] = []
    private var hasFailed = false

    init(count: Int) { self.count = count }

    func exchange(_ bytes: [UInt8], rank: Int) throws(ExecutionError) -> [[UInt8]] {
      condition.lock()
      defer { condition.unlock() }
      let own = round
      given[rank] = bytes
      if given.count == count {
        taken = (0..<count).map { given[$0]! }
        given = [:]
        round += 1
        condition.broadcast()
      }
      while round == own, !hasFailed { condition.wait() }
      guard round > own else { throw ExecutionError("another member has failed") }
      return taken
    }

    func fail() {
      condition.lock()
      defer { condition.unlock() }
      hasFailed = true
      condition.broadcast()
    }
  }

  public let rank: Int
  public var count: Int { meeting.count }
  private let meeting: Meeting

  private init(rank: Int, _ meeting: Meeting) { (self.rank, self.meeting) = (rank, meeting) }

  public func sum(_ values: UnsafeMutableBufferPointer<Float>) throws(ExecutionError) {
    let own = Array(UnsafeRawBufferPointer(UnsafeBufferPointer(values)))
    let all = try meeting.exchange(own, rank: rank)
    for index in values.indices { values[index] = 0 }
    for bytes in all {
      guard bytes.count == own.count else { throw ExecutionError("sums of different sizes") }
      bytes.withUnsafeBytes { bytes in
        for (index, value) in bytes.bindMemory(to: Float.self).enumerated() {
          values[index] += value
        }
      }
    }
  }

  public func gather(_ bytes: [UInt8]) throws(ExecutionError) -> [[UInt8]] {
    try meeting.exchange(bytes, rank: rank)
  }

  /// What a member's work gives, or why it failed. `@unchecked`: `values` is used under `lock`.
  private final class Results<Value>: @unchecked Sendable {
    let lock = NSLock()
    var values: [Int: Result<Value, any Error>] = [:]
  }

  private struct Work<Value>: @unchecked Sendable {
    let body: (ThreadGroup) throws -> Value
  }

  /// Does `body` in `count` members at once.
  /// - Parameters:
  ///   - count: of the members.
  ///   - body: what each of them does.
  /// - Returns: what it gives, by rank.
  public static func run<Value>(
    _ count: Int, _ body: @escaping (ThreadGroup) throws -> Value
  ) -> [Result<Value, any Error>] {
    let (meeting, results, work) = (Meeting(count: count), Results<Value>(), Work(body: body))
    let done = DispatchSemaphore(value: 0)
    for rank in 0..<count {
      let thread = Thread {
        let result = Result { try work.body(ThreadGroup(rank: rank, meeting)) }
        if case .failure = result { meeting.fail() }
        results.lock.withLock { results.values[rank] = result }
        done.signal()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    for _ in 0..<count { done.wait() }
    return (0..<count).map { results.values[$0]! }
  }
}
