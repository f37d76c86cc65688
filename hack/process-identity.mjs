/**
 * Names a process so that a later run can tell whether it still runs: pids are used again, so the start time belongs
 * to the name. Plain JavaScript for Node 20, because the bootstrap's lock needs it.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';

/** The identity of the process with this pid, or undefined when there is none (a zombie counts as none). */
export function identityOf(pid) {
  const started = process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid);
  return started === undefined ? undefined : { pid, started };
}

/** Whether the process that once had this identity still runs. */
export function isRunning({ pid, started }) {
  return identityOf(pid)?.started === started;
}

/** Clock ticks between the boot and the start, with the boot's id so that a reboot changes it. */
function startFromProc(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTicks] = [afterName[0], afterName[19]];
    return state === 'Z'
      ? undefined
      : `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${startTicks}`;
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') {
      return undefined;
    }
    throw error;
  }
}

function startFromPs(pid) {
  const answer = spawnSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
  const text = (answer.stdout ?? '').trim();
  return text === '' || text.startsWith('Z') ? undefined : text.slice(text.indexOf(' ') + 1).trim();
}
