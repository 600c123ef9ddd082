import Foundation
import Manipulation

/// What those who start processes of MPI say of them in the environment, before MPI is there: Open MPI,
/// MPICH and its descendants, MVAPICH, and Slurm's `srun`, each in their own way.
enum StartedProcesses {
  private struct Names {
    let count: String
    let rank: String
    /// Must be there as well.
    var sign: String?
  }

  private static let names = [
    Names(count: "OMPI_COMM_WORLD_SIZE", rank: "OMPI_COMM_WORLD_RANK"),
    Names(count: "PMI_SIZE", rank: "PMI_RANK"),
    Names(count: "MV2_COMM_WORLD_SIZE", rank: "MV2_COMM_WORLD_RANK"),
    Names(count: "SLURM_STEP_NUM_TASKS", rank: "SLURM_PROCID", sign: "PMIX_RANK"),
  ]

  private static let started: (count: Int, rank: Int)? = read(
    ProcessInfo.processInfo.environment)

  private static func read(_ environment: [String: String]) -> (count: Int, rank: Int)? {
    for names in names where names.sign.map({ environment[$0] != nil }) ?? true {
      guard let count = environment[names.count].flatMap({ Int($0) }), count > 1 else { continue }
      return (count, environment[names.rank].flatMap { Int($0) } ?? 0)
    }
    return nil
  }

  /// How many there are, this one included; `nil` if it was started alone.
  static var count: Int? { started?.count }
  /// Of this process.
  static var rank: Int { started?.rank ?? 0 }

  /// Refuses a command that would be run by each of them.
  static func refuse(_ command: String) throws {
    guard let count else { return }
    throw RunError(
      "trompe fool and trompe train alone share their work between processes, and MPI has started "
        + "\(count); start trompe \(command) without it")
  }

  /// What went wrong in this process, as it is said; `nil` if another has said it.
  ///
  /// What goes wrong in all of them is the first one's to say: when it ends, MPI ends the others.
  static func said(_ sentence: String) -> String? {
    guard rank > 0 else { return sentence }
    Thread.sleep(forTimeInterval: 2)
    guard StopSignals.received == nil else { return nil }
    return "process \(rank): " + sentence
  }
}
