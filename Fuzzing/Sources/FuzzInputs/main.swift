import CFuzzer
import Foundation

var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(
  LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
    do { try Target.chosen.read(UnsafeRawBufferPointer(start: bytes, count: count)) } catch {
      // An error must be able to say what it is.
      precondition(!"\(error)".isEmpty)
    }
    return 0
  })
