import Synchronization

/// A switch that is thrown once.
package final class Switch: Sendable {
  private let value = Atomic<Bool>(false)
  package func set() { value.store(true, ordering: .relaxed) }
  package var isSet: Bool { value.load(ordering: .relaxed) }
}
