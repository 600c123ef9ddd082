import ImageData
import Networks
import RunSupport

/// The position of a class that a user has named.
/// - Parameter name: a name, or a number where there is no class of that name.
/// - Throws: `RunError` with the closest names, or if the name is that of several outputs.
package func classIndex(of name: String, among classNames: [String]) throws(RunError) -> Int {
  let others = Set(ImageNetClasses.otherNames(of: name))
  let exact = classNames.indices.filter { classNames[$0] == name }
  let found = exact.isEmpty ? classNames.indices.filter { others.contains(classNames[$0]) } : exact
  if found.count == 1 { return found[0] }
  if found.count > 1 {
    // A number names an output where no class is called so.
    let isNumbered = !classNames.contains("\(found[0])")
    throw RunError(
      "\"\(name)\" is the class of output \(found[0]) and of output \(found[1]); "
        + (isNumbered ? "name one of them by its number, or " : "")
        + "give every output a name of its own by network.classNames")
  }
  if let number = Int(name) {
    guard classNames.indices.contains(number) else {
      throw RunError(
        "the network has no class \(number): its \(classNames.count) outputs are numbered from 0 to "
          + "\(classNames.count - 1)")
    }
    // "03" may be meant for a name.
    guard "\(number)" == name else {
      throw RunError(
        "the network has no class \"\(name)\"; output \(number) is written \(number)"
          + (classNames[number] == "\(number)" ? "" : ", its name is \"\(classNames[number])\""))
    }
    return number
  }
  throw RunError(
    "the network has no class \"\(name)\": "
      + NameSuggestions.sentence(for: name, among: classNames))
}
