import Foundation

/// The photographs and checkpoints that stand beside the project, if they do.
enum Shared {
  static let root =
    ProcessInfo.processInfo.environment["TROMPE_SHARED"]
    ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../../shared").standardizedFileURL.path

  /// Prints what is skipped where the folder is missing.
  static let isThere: Bool = {
    let there = FileManager.default.fileExists(atPath: root + "/checkpoints")
    if !there { print("skipped: tests on real photographs and networks, \(root) is not there") }
    return there
  }()
}
