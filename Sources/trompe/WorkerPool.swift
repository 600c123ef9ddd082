import Foundation

/// How the worker threads of oneDNN and our own loops wait for work.
///
/// libgomp lets them spin by default, which takes the cores from everybody else: on a machine that
/// others use too, a step was seen to take ten times as long. It reads its settings when it is
/// loaded, before this program's first line, so the program starts itself again with them.
enum WorkerPool {
  private static let setting = ("OMP_WAIT_POLICY", "passive")

  /// Returns at once if the setting, or any other choice of the user's, is in force.
  static func waitWithoutSpinning() {
    let environment = ProcessInfo.processInfo.environment
    guard environment["OMP_WAIT_POLICY"] == nil, environment["GOMP_SPINCOUNT"] == nil else {
      return
    }
    setenv(setting.0, setting.1, 1)
    var arguments = CommandLine.unsafeArgv
    withUnsafeMutablePointer(to: &arguments) { _ = execv("/proc/self/exe", $0.pointee) }
    // Where a process may not start itself again, it runs as it is.
  }
}
