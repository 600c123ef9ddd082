import Foundation
import Manipulation

/// A run of a sweep as a process of its own: one that fails, or that the system ends, takes no other along,
/// and each says how much memory it took.
final class ProcessWorker: SweepWorker {
  private let process = Process()
  private let log: FileHandle

  init(_ task: SweepTask) throws {
    guard let program = Bundle.main.executableURL else {
      throw RunError("the program cannot find itself to start a run; name it by its path")
    }
    process.executableURL = program
    process.arguments =
      [
        "fool", task.recipe, "--output", task.output, "--quiet", "--originals", task.originals,
        "--parent", "\(getpid())",
      ] + (task.resumes ? ["--resume"] : [])
    let descriptor = open(task.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard descriptor >= 0 else {
      throw RunError("\(task.log) cannot be written: \(String(cString: strerror(errno)))")
    }
    log = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = log
    process.standardError = log
    // In a process group of its own, so that Ctrl-C reaches this process alone, which hands it on.
    try process.run()
  }

  var exitCode: Int32? {
    guard !process.isRunning else { return nil }
    return process.terminationReason == .exit
      ? process.terminationStatus : 128 + process.terminationStatus
  }

  func stop() { if process.isRunning { process.terminate() } }
}

/// What other processes leave of this machine's memory, and of what this one may have.
enum FreeMemory {
  /// `nil` where the system does not say.
  static var bytes: Int? {
    let machine = number(
      in: "/proc/meminfo", after: "MemAvailable:"
    ).map { $0.multipliedReportingOverflow(by: 1024) }
    let free = machine.flatMap { $0.overflow ? nil : $0.partialValue }
    return [free, group].compactMap(\.self).min()
  }

  /// Of the control group, version 2, that a container is.
  private static var group: Int? {
    let folder = "/sys/fs/cgroup/"
    guard let most = number(in: folder + "memory.max", after: ""),
      let used = number(in: folder + "memory.current", after: "")
    else { return nil }
    return max(0, most - used)
  }

  private static func number(in file: String, after label: String) -> Int? {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8),
      let place = text.range(of: label)?.upperBound ?? (label.isEmpty ? text.startIndex : nil)
    else { return nil }
    return Int(text[place...].drop(while: \.isWhitespace).prefix(while: \.isNumber))
  }
}
