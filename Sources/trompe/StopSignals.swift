import Foundation
import Manipulation
import Synchronization

/// Ctrl-C, SIGTERM, SIGHUP when the terminal goes away, and SIGUSR1 to processes of MPI: the first asks the
/// run to stop after its step, the second ends the process.
enum StopSignals {
  private static let first = Atomic<Int32>(0)

  /// The signal that asked to stop.
  static var received: Int32? {
    let number = first.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// Call on the main thread before any other is made: they inherit that these signals are blocked,
  /// so that only the thread that waits for them gets them.
  /// - Parameters:
  ///   - stop: is told of the first.
  ///   - message: what is said then; nothing if `nil`.
  static func watch(
    _ stop: StopRequest,
    saying message: String? = "stopping after this step; a second Ctrl-C ends it at once"
  ) {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    // Under nohup the end of the terminal is to be ignored.
    var hangup = sigaction()
    sigaction(SIGHUP, nil, &hangup)
    if unsafeBitCast(hangup.__sigaction_handler.sa_handler, to: Int.self)
      != unsafeBitCast(SIG_IGN, to: Int.self)
    {
      sigaddset(&signals, SIGHUP)
    }
    // What mpirun passes on, and job schedulers send before the time is over.
    if StartedProcesses.count != nil { sigaddset(&signals, SIGUSR1) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let watched = signals
    Thread.detachNewThread {
      var signals = watched
      while true {
        var number: Int32 = 0
        guard sigwait(&signals, &number) == 0 else { continue }
        guard first.exchange(number, ordering: .relaxed) == 0 else {
          Terminal.writeError("\n")
          _exit(128 + number)
        }
        stop.stop()
        guard let message, StartedProcesses.rank == 0 else { continue }
        Terminal.writeError("trompe: \(message)\n", redraws: Terminal.error.isInteractive)
      }
    }
  }
}
