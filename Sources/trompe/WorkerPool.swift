import CArguments
import Foundation

/// How the worker threads of oneDNN and our own loops wait for work.
///
/// libgomp lets them spin for milliseconds by default, which takes the cores from everybody else: on
/// a machine that others use too, a step was seen to take ten times as long. To sleep at once costs as
/// well, since a step has a thousand loops and waking a thread takes 50 µs: a tenth of a step of small
/// kernels. So they spin for about as long as that and sleep then. libgomp reads its settings when it is
/// loaded, before this program's first line, so the program starts itself again with them.
enum WorkerPool {
  private static let settings = [
    // Without it, the count below would be that of a pool that never sleeps.
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "3000",
  ]

  /// Returns at once if these settings, or any other choice of the user's, are in force.
  static func spinBriefly() {
    let environment = ProcessInfo.processInfo.environment
    guard settings.keys.allSatisfy({ environment[$0] == nil }) else { return }
    for (name, value) in settings { setenv(name, value, 1) }
    execv("/proc/self/exe", arguments_values())
    // Where a process may not start itself again, or there is no /proc, it runs as it is.
  }
}
