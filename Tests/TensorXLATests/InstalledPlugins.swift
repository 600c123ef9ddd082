import Foundation
import TensorXLA
import Testing

/// Plugins for CPUs that this machine has.
enum InstalledPlugins {
  /// The one that the environment names, and those in the folder.
  static let paths: [String] = {
    let named = ProcessInfo.processInfo.environment[PluginSearch.variable].map { [$0] } ?? []
    return named + PluginSearch().installed(.cpu)
  }()
  static let any = !paths.isEmpty
  static let advice: Comment =
    "needs a plugin of PJRT for CPUs: trompe devices install cpu, or TROMPE_PLUGIN"

  /// `pjrt_c_api.h` beside one of them.
  static let header: URL? = {
    paths.lazy.map {
      URL(fileURLWithPath: $0).deletingLastPathComponent()
        .appendingPathComponent("include/pjrt_c_api.h")
    }.first { FileManager.default.fileExists(atPath: $0.path) }
  }()
}
