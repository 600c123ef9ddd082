import Foundation

/// The images and networks that stand beside the project or at TROMPE_SHARED. Tests of them are
/// omitted where the folder is missing.
public enum Shared {
  public static let root =
    ProcessInfo.processInfo.environment["TROMPE_SHARED"]
    ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../../shared").standardizedFileURL.path

  /// Prints what is skipped where the folder is missing.
  public static let isThere: Bool = {
    let there = FileManager.default.fileExists(atPath: root + "/checkpoints")
    if !there { print("skipped: tests on real photographs and networks, \(root) is not there") }
    return there
  }()

  public static func checkpoint(_ name: String) -> String { "\(root)/checkpoints/\(name)" }
  public static func data(_ path: String) -> String { "\(root)/data/\(path)" }
}
