/**
 * pm2 start ecosystem.config.cjs
 *
 *   pm2 sendSignal SIGHUP millrace    reads the configuration again; nobody is disconnected
 *   pm2 restart millrace              a new process: sessions are ended politely, then the ports are bound again. `pm2 reload` does
 *                                     the same for this mode, so neither is without a gap
 *   pm2 stop millrace                 SIGINT, and up to kill_timeout for sessions and recordings to end
 *
 * Run `npm run build` first. Flags go into `args`, environment variables (MILLRACE_RTMP_PORT, MILLRACE_CONFIG) into `env`.
 */
module.exports = {
	apps: [
		{
			name: 'millrace',
			script: 'dist/supervisor.js',
			cwd: __dirname,
			args: '--role origin',
			// Millrace has its own processes: pm2's cluster mode would fight node:cluster.
			exec_mode: 'fork',
			instances: 1,
			// Started means that every port is accepted on.
			wait_ready: true,
			listen_timeout: 30_000,
			// Only the supervisor is told to stop; it ends the others in order.
			treekill: false,
			// Longer than shutdown.deadline (10s).
			kill_timeout: 15_000,
			// A wrong flag or configuration, or a port in use (exit code 2), is not tried again at full speed.
			exp_backoff_restart_delay: 200,
			// Each line is JSON with its own time.
			merge_logs: true,
			time: false,
		},
	],
};
