import Foundation
import TensorRuntime

/// The processes that `mpirun` has started, by a library that was compiled with the user's MPI
/// (`make mpi`) and is loaded at run time.
///
/// `@unchecked`: calls come from one thread at a time, as `ProcessGroup` has it.
final class MPIGroup: ProcessGroup, @unchecked Sendable {
  let rank: Int
  let count: Int

  private typealias Plain = @convention(c) () -> Int32
  private typealias Begin =
    @convention(c) (UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>) -> Int32
  private typealias Sum = @convention(c) (UnsafeMutablePointer<Float>, Int64) -> Int32
  private typealias Broadcast = @convention(c) (UnsafeMutableRawPointer, Int64, Int32) -> Int32
  private typealias GatherNumbers = @convention(c) (Int64, UnsafeMutablePointer<Int64>) -> Int32
  private typealias GatherBytes =
    @convention(c) (
      UnsafeRawPointer, UnsafePointer<Int64>, UnsafeMutableRawPointer
    ) -> Int32

  private let sumFloats: Sum
  private let broadcast: Broadcast
  private let gatherNumbers: GatherNumbers
  private let gatherBytes: GatherBytes
  private let endAll: Plain

  /// The version of the library's functions.
  private static let version: Int32 = 1
  /// Bytes that are gathered in one message; what is larger goes from one process after the other.
  private static let mostAtOnce = 1 << 24
  /// Names the library.
  static let variable = "TROMPE_MPI"

  /// `$XDG_DATA_HOME/trompe/mpi/libtrompe_mpi.so`, by default in `~/.local/share`, unless
  /// `TROMPE_MPI` names it.
  static func path(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> String {
    if let named = environment[variable], !named.isEmpty { return named }
    let data =
      environment["XDG_DATA_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
      ?? "\(environment["HOME"] ?? NSHomeDirectory())/.local/share"
    return data + "/trompe/mpi/libtrompe_mpi.so"
  }

  /// The group that this process was started in, if it was started in one.
  /// - Throws: `ExecutionError` in one sentence.
  static func joined() throws(ExecutionError) -> MPIGroup? {
    guard let started = StartedProcesses.count else { return nil }
    let group = try MPIGroup(path: path(), started: started)
    guard group.count == started else {
      throw ExecutionError(
        "\(started) processes were started, and \(path()) finds \(group.count): it was compiled with "
          + "another MPI than the one that started them; compile it anew by make mpi")
    }
    return group
  }

  private init(path: String, started: Int) throws(ExecutionError) {
    guard FileManager.default.fileExists(atPath: path) else {
      throw ExecutionError(
        "\(started) processes were started by MPI, and there is no \(path), by which they find each "
          + "other; make it by make mpi, or name it by \(Self.variable)")
    }
    // MPI's own plugins look for its symbols among those of the process.
    guard let library = dlopen(path, RTLD_NOW | RTLD_GLOBAL) else {
      throw ExecutionError(
        "\(path) cannot be loaded: \(String(cString: dlerror())); compile it anew by make mpi")
    }
    func function<Function>(
      _ name: String, _ type: Function.Type
    ) throws(ExecutionError) -> Function {
      guard let symbol = dlsym(library, "trompe_mpi_" + name) else {
        throw ExecutionError(
          "\(path) has no trompe_mpi_\(name), so it is another library; compile it by make mpi")
      }
      return unsafeBitCast(symbol, to: type)
    }
    let found = try function("version", Plain.self)()
    guard found == Self.version else {
      throw ExecutionError(
        "\(path) is of version \(found), expected \(Self.version); compile it anew by make mpi")
    }
    let begin = try function("begin", Begin.self)
    sumFloats = try function("sum", Sum.self)
    broadcast = try function("broadcast", Broadcast.self)
    gatherNumbers = try function("gather_numbers", GatherNumbers.self)
    gatherBytes = try function("gather_bytes", GatherBytes.self)
    endAll = try function("end", Plain.self)
    var (rank, count): (Int32, Int32) = (0, 0)
    switch begin(&rank, &count) {
    case 0: break
    case -1:
      throw ExecutionError(
        "this MPI allows calls from one thread only, expected MPI_THREAD_SERIALIZED; use another")
    case -2: throw ExecutionError("memory is short for exchanges with other processes")
    case let status:
      throw ExecutionError("MPI cannot start: MPI_Init_thread gives error \(status)")
    }
    (self.rank, self.count) = (Int(rank), Int(count))
  }

  private func check(_ status: Int32, _ what: @autoclosure () -> String) throws(ExecutionError) {
    guard status == 0 else {
      throw ExecutionError("MPI cannot \(what()) between \(count) processes: error \(status)")
    }
  }

  func sum(_ values: UnsafeMutableBufferPointer<Float>) throws(ExecutionError) {
    guard let base = values.baseAddress else { return }
    try check(sumFloats(base, Int64(values.count)), "sum \(values.count) values up")
  }

  func gather(_ bytes: [UInt8]) throws(ExecutionError) -> [[UInt8]] {
    var sizes = [Int64](repeating: 0, count: count)
    try check(gatherNumbers(Int64(bytes.count), &sizes), "exchange sizes")
    let total = sizes.reduce(0) { $0 + Int($1) }
    guard total <= Self.mostAtOnce else { return try gather(bytes, sizes) }
    // A byte more, so that there is an address of nothing as well.
    var all = [UInt8](repeating: 0, count: total + 1)
    try check(gatherBytes(bytes + [0], sizes, &all), "exchange \(total) bytes")
    var start = 0
    return sizes.map { size in
      defer { start += Int(size) }
      return Array(all[start..<start + Int(size)])
    }
  }

  private func gather(_ bytes: [UInt8], _ sizes: [Int64]) throws(ExecutionError) -> [[UInt8]] {
    var all: [[UInt8]] = []
    for (root, size) in sizes.enumerated() {
      var part = root == rank ? bytes : [UInt8](repeating: 0, count: Int(size))
      let status = part.withUnsafeMutableBytes { part in
        part.baseAddress.map { broadcast($0, size, Int32(root)) } ?? 0
      }
      try check(status, "exchange \(size) bytes")
      all.append(part)
    }
    return all
  }

  /// To be called by every process that ends well; MPI ends the others where one ends otherwise.
  func end() { _ = endAll() }
}
