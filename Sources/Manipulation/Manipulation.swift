/// Everything that the command line and other programs need of the application in one import.
@_exported import Attacking
@_exported import Auditing
@_exported import Evaluation
@_exported import Explaining
@_exported import Faithfulness
@_exported import Foolings
@_exported import Influencing
@_exported import Programs
@_exported import Recipes
@_exported import Repairing
@_exported import RunFolders
@_exported import RunReports
@_exported import RunSupport
@_exported import Runs
@_exported import Studies
@_exported import Sweeps
