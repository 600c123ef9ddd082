import Foundation
import Testing

/// Runs the built program as people do.
struct CommandLineProgram {
  struct Result: Equatable {
    var code: Int32
    var output: String
    var error: String
  }

  /// The folder of the build products: the test bundle lies in it.
  static let products: URL = {
    // On Linux the tests are a program of their own; elsewhere a bundle that another one loads.
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
    let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    return (bundle ?? program).deletingLastPathComponent()
  }()

  static func run(_ arguments: String..., in folder: URL? = nil) throws -> Result {
    try run(list: arguments, in: folder)
  }

  /// - Parameters:
  ///   - folder: the current folder; the temporary one if `nil`.
  ///   - fileBlocks: no file may become larger than so many blocks (of 512 bytes, or of 1024 where
  ///     the shell counts so).
  ///   - through: a command that starts the program with its arguments.
  ///   - environment: added to that of the tests.
  ///   - whileRunning: called once the process runs.
  static func run(
    list arguments: [String], in folder: URL? = nil, fileBlocks: Int? = nil,
    through starter: [String] = [], environment added: [String: String] = [:],
    whileRunning: (Process) throws -> Void = { _ in }
  ) throws -> Result {
    let process = Process()
    process.executableURL = products.appendingPathComponent("trompe")
    process.arguments = arguments
    if let fileBlocks {
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments =
        ["-c", "ulimit -f \(fileBlocks); exec \"$0\" \"$@\"", products.path + "/trompe"] + arguments
    }
    if !starter.isEmpty {
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = starter + [products.path + "/trompe"] + arguments
    }
    process.currentDirectoryURL = folder ?? FileManager.default.temporaryDirectory
    var environment = ProcessInfo.processInfo.environment
    environment["COLUMNS"] = "80"
    environment.merge(added) { _, new in new }
    process.environment = environment
    // Files, not pipes: a pipe that nobody empties stops the program.
    let files = try TemporaryFolder()
    let output = try URL(fileURLWithPath: files.write("", to: "output"))
    let error = try URL(fileURLWithPath: files.write("", to: "error"))
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: error)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    do { try whileRunning(process) } catch {
      kill(process.processIdentifier, SIGKILL)
      throw error
    }
    process.waitUntilExit()
    return Result(
      code: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
      error: try String(contentsOf: error, encoding: .utf8))
  }
}

/// A folder that goes away with this object.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
      .appendingPathComponent("trompe-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// Writes a file and gives its path.
  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    let file = url.appendingPathComponent(name)
    try Data(text.utf8).write(to: file)
    return file.path
  }
}
